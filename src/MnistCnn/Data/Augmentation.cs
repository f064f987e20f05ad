using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>
/// What is changed at random in the images to learn from, in each image and each time that it is seen in another way. Nothing is
/// changed by a part that is 0 or false. Its text, <c>shift=2,rotate=10,flip</c>, stands on the command line and in files.
/// </summary>
/// <param name="Shift">Pixels to the left or right and up or down, at most.</param>
/// <param name="Rotate">Degrees in either direction, at most.</param>
/// <param name="Scale">The share by which an image becomes larger or smaller, at most.</param>
/// <param name="Stroke">Pixels by which a bright line becomes wider or narrower, at most.</param>
/// <param name="Flip">Whether half of the images are mirrored, left to right.</param>
/// <param name="Erase">
/// Whether a rectangle is erased in half of the images. Source: Z. Zhong et al., "Random Erasing Data Augmentation", 2017,
/// arXiv:1708.04896, algorithm 1; here filled with the mean, and of at most a fifth of the image instead of two fifths: in small
/// images, a digit without two fifths can be another digit.
/// </param>
/// <param name="Crop">
/// By how many whole pixels the image is padded on each side with the mean, before a part of its own size is cut out at random.
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, section 4.2.
/// </param>
[JsonConverter(typeof(AugmentationText))]
internal sealed record Augmentation(double Shift = 0, double Rotate = 0, double Scale = 0, double Stroke = 0, bool Flip = false, bool Erase = false, int Crop = 0)
{
    // What is drawn for an image: so many numbers from 0 to below 1, whatever is asked for, so that no part changes the others.
    private const int Draws = 11;

    // What was added later is drawn behind all of those, so that they stay as they were.
    private const int LaterDraws = 2;

    private static readonly Part[] Parts =
    [
        new("shift", "pixels", 1000, value => value.Shift, (value, number) => value with { Shift = number }),
        new("rotate", "degrees", 180, value => value.Rotate, (value, number) => value with { Rotate = number }),
        new("scale", "share", 0.9, value => value.Scale, (value, number) => value with { Scale = number }),
        new("stroke", "pixels", 20, value => value.Stroke, (value, number) => value with { Stroke = number }),
        new("crop", "pixels", 1000, value => value.Crop, (value, number) => value with { Crop = (int)number }, IsWhole: true),
        new("flip", null, 1, value => value.Flip ? 1 : 0, (value, _) => value with { Flip = true }),
        new("erase", null, 1, value => value.Erase ? 1 : 0, (value, _) => value with { Erase = true }),
    ];

    /// <summary>All parts with what they take, for help and messages: "shift=PIXELS, rotate=DEGREES, ...".</summary>
    public static string Names { get; } =
        string.Join(", ", Parts.Select(part => part.Unit is null ? part.Name : $"{part.Name}={part.Unit.ToUpperInvariant()}"));

    /// <summary>Reads its text: parts in any order, with commas between them.</summary>
    /// <param name="text">The text; <see cref="ToString"/> writes such.</param>
    /// <param name="problem">What is wrong with the text, in a sentence, or null.</param>
    /// <returns>Null where there is a problem.</returns>
    public static Augmentation? Parse(string text, out string? problem)
    {
        var result = new Augmentation();
        foreach (var item in text.Split(','))
        {
            var (name, number) = item.Split('=', 2, StringSplitOptions.TrimEntries) is [var before, var behind] ? (before, behind) : (item.Trim(), null);
            var part = Parts.FirstOrDefault(part => string.Equals(part.Name, name, StringComparison.OrdinalIgnoreCase));
            problem = part is null ? $"There is no augmentation '{name}'. The known ones: {Names}."
                : part.Amount(result) != 0 ? $"{part.Name} stands there twice."
                : part.Problem(number);
            if (problem is not null)
                return null;
            result = part!.With(result, part.Value(number) ?? 0);
        }

        problem = null;
        return result;
    }

    /// <summary>Its text, which <see cref="Parse"/> reads.</summary>
    public override string ToString() => string.Join(',', Parts.Where(part => part.Amount(this) != 0).Select(part =>
        part.Unit is null ? part.Name : string.Create(CultureInfo.InvariantCulture, $"{part.Name}={part.Amount(this)}")));

    /// <summary>
    /// Changes the images of a step. What is done depends on nothing but the three numbers and how many images there are: the random
    /// numbers come from a generator of its own, on the CPU, so that they are the same on every device.
    /// </summary>
    /// <param name="images">Normalised, with a mean of 0: (B, C, H, W), float32.</param>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="epoch">Which epoch, from 1.</param>
    /// <param name="step">Which step of the epoch, from 1.</param>
    /// <returns>The same shape, on the same device. What comes in from outside continues the edge of the image; of a crop, it is the mean.</returns>
    public Tensor Apply(Tensor images, long seed, int epoch, int step)
    {
        using var scope = NewDisposeScope();
        var (height, width) = ((int)images.shape[2], (int)images.shape[3]);
        var drawn = Draw((int)images.shape[0], GeneratorSeed(seed, epoch, step));
        var result = images.alias();
        if (Stroke > 0)
            result = ImageTransforms.Thicken(result, [.. drawn.Select(draw => Either(draw[4], Stroke))]);
        if (Flip)
            result = ImageTransforms.Mirror(result, [.. drawn.Select(draw => draw[5] < 0.5)]);
        if (Crop > 0)
            result = ImageTransforms.Crop(result, Crop, [.. drawn.Select(draw => ((int)(draw[11] * (2 * Crop + 1)), (int)(draw[12] * (2 * Crop + 1))))]);
        if (Shift > 0 || Rotate > 0 || Scale > 0)
            result = ImageTransforms.Move(result, [.. drawn.Select(draw =>
                new Motion(Either(draw[0], Shift), Either(draw[1], Shift), Either(draw[2], Rotate), 1 + Either(draw[3], Scale)))]);
        if (Erase)
            result = ImageTransforms.Fill(result, [.. drawn.Select(draw => draw[6] < 0.5 ? Rectangle(draw, height, width) : default)]);
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The seed of a step's generator: the outputs of SplitMix64 for the run's seed, then for that xor the epoch, then for that xor
    /// the step.
    /// </summary>
    internal static ulong GeneratorSeed(long seed, int epoch, int step) =>
        SplitMix64(SplitMix64(SplitMix64(unchecked((ulong)seed)) ^ (ulong)epoch) ^ (ulong)step);

    // The first number of the generator with that state. Source: G. Steele, D. Lea and C. Flood, "Fast Splittable Pseudorandom
    // Number Generators", 2014, figure 17 with the constants of java.util.SplittableRandom.
    private static ulong SplitMix64(ulong state)
    {
        unchecked
        {
            state += 0x9E3779B97F4A7C15;
            state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
            state = (state ^ (state >> 27)) * 0x94D049BB133111EB;
            return state ^ (state >> 31);
        }
    }

    private static float[][] Draw(int images, ulong seed)
    {
        using var generator = new Generator(seed);
        using var numbers = rand([images, Draws], device: CPU, generator: generator);
        using var later = rand([images, LaterDraws], device: CPU, generator: generator);
        return [.. numbers.data<float>().ToArray().Chunk(Draws).Zip(later.data<float>().ToArray().Chunk(LaterDraws), (first, second) => (float[])[.. first, .. second])];
    }

    private static double Either(float drawn, double most) => most * (2.0 * drawn - 1);

    // A fiftieth to a fifth of the image, up to 0.3 times as high as wide or the other way round; of a flat image, what is in it.
    private static Rectangle Rectangle(float[] draw, int height, int width)
    {
        var area = (0.02 + 0.18 * draw[7]) * height * width;
        var proportion = Math.Pow(0.3, 2.0 * draw[8] - 1);
        var (high, wide) = (Side(Math.Sqrt(area * proportion), height), Side(Math.Sqrt(area / proportion), width));
        return new Rectangle((int)(draw[9] * (height - high + 1)), (int)(draw[10] * (width - wide + 1)), high, wide);

        static int Side(double side, int most) => Math.Clamp((int)Math.Round(side), 1, most);
    }

    /// <summary>A part: how it is written, and where it is kept. A part without a unit is asked for by its name alone.</summary>
    private sealed record Part(
        string Name, string? Unit, double Highest, Func<Augmentation, double> Amount, Func<Augmentation, double, Augmentation> With, bool IsWhole = false)
    {
        public double? Value(string? text) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value > 0 && value <= Highest
            && (!IsWhole || double.IsInteger(value)) ? value : null;

        public string? Problem(string? text) => Unit is null
            ? text is null ? null : $"{Name} takes no number, not '{text}'."
            : Value(text) is not null ? null : string.Create(
                CultureInfo.InvariantCulture, $"{Name}={Unit.ToUpperInvariant()} takes a {(IsWhole ? "whole " : "")}number above 0 and at most {Highest}, not '{text}'.");
    }
}

/// <summary>An <see cref="Augmentation"/> in JSON: its text.</summary>
internal sealed class AugmentationText : JsonConverter<Augmentation>
{
    /// <inheritdoc/>
    public override Augmentation Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new JsonException("An augmentation is a text.");
        return Augmentation.Parse(reader.GetString()!, out var problem) ?? throw new JsonException(problem);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Augmentation value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
