using MnistCnn.Runtime;

namespace MnistCnn.Data;

/// <summary>
/// Random changes of training images, different for each image and epoch. An element that is 0 or false changes nothing. The command
/// line and files hold the text <c>shift=2,rotate=10,flip</c>.
/// </summary>
/// <param name="Shift">Largest shift in pixels, horizontally and vertically.</param>
/// <param name="Rotate">Largest rotation in degrees, in either direction.</param>
/// <param name="Scale">Largest relative change of size, from 0 to 0.9.</param>
/// <param name="Stroke">Largest change of the width of bright lines, in pixels.</param>
/// <param name="Flip">Whether half of the images are flipped left to right.</param>
/// <param name="Erase">
/// Whether a rectangle is erased in half of the images. Source: Z. Zhong et al., "Random Erasing Data Augmentation", 2017,
/// arXiv:1708.04896, algorithm 1; here filled with the mean, and with at most a fifth of the image instead of two fifths: in small
/// images, a digit without two fifths can be another digit.
/// </param>
/// <param name="Crop">
/// Pixels of padding with the mean on each side, before the image's own size is cropped at random. Source: K. He et al., "Deep Residual
/// Learning for Image Recognition", 2015, section 4.2.
/// </param>
/// <param name="ResizedCrop">
/// Smallest fraction of the area that a random crop keeps, before it is resized to the image's size, as torchvision's
/// <c>RandomResizedCrop</c>. Source: C. Szegedy et al., "Going Deeper with Convolutions", 2014, section 6.
/// </param>
/// <param name="Jitter">
/// Largest relative change of brightness, contrast and saturation, from 0 to 1, in random order, as torchvision's <c>ColorJitter</c>.
/// </param>
[JsonConverter(typeof(AugmentationConverter))]
internal sealed record Augmentation(
    double Shift = 0, double Rotate = 0, double Scale = 0, double Stroke = 0, bool Flip = false, bool Erase = false, int Crop = 0,
    double ResizedCrop = 0, double Jitter = 0)
{
    private const int ResizedCropAttempts = 10;

    // Uniform numbers per image. All are drawn, whatever is used, so that no element changes the numbers of another. Each group is drawn
    // for all images before the next one: crop came later, then the resized crop and jitter, and earlier elements keep their numbers.
    private static readonly int[] DrawGroups = [11, 2, 2 * ResizedCropAttempts + 2 + 6];

    private static readonly Element[] Elements =
    [
        new("shift", "pixels", 1000, value => value.Shift, (value, number) => value with { Shift = number }),
        new("rotate", "degrees", 180, value => value.Rotate, (value, number) => value with { Rotate = number }),
        new("scale", "fraction", 0.9, value => value.Scale, (value, number) => value with { Scale = number }),
        new("stroke", "pixels", 20, value => value.Stroke, (value, number) => value with { Stroke = number }),
        new("crop", "pixels", 1000, value => value.Crop, (value, number) => value with { Crop = (int)number }, IsWhole: true),
        new("resized-crop", "fraction", 1, value => value.ResizedCrop, (value, number) => value with { ResizedCrop = number }),
        new("jitter", "fraction", 1, value => value.Jitter, (value, number) => value with { Jitter = number }),
        new("flip", null, 1, value => value.Flip ? 1 : 0, (value, _) => value with { Flip = true }),
        new("erase", null, 1, value => value.Erase ? 1 : 0, (value, _) => value with { Erase = true }),
    ];

    /// <summary>Changes nothing.</summary>
    public static Augmentation None { get; } = new();

    /// <summary>All elements with their arguments, for help and messages: "shift=PIXELS, rotate=DEGREES, ...".</summary>
    public static string Names { get; } = string.Join(", ", Elements.Select(element => element.Usage));

    /// <summary>Parses elements in any order, separated by commas; the inverse of <see cref="ToString"/>.</summary>
    /// <param name="problem">The reason in a sentence if the text is invalid; the result is then null.</param>
    public static Augmentation? Parse(string text, out string? problem)
    {
        var result = None;
        foreach (var item in text.Split(','))
        {
            string?[] fields = item.Split('=', 2, StringSplitOptions.TrimEntries);
            var (name, number) = (fields[0]!, fields.ElementAtOrDefault(1));
            var element = Elements.FirstOrDefault(element => string.Equals(element.Name, name, StringComparison.OrdinalIgnoreCase));
            problem = element is null ? $"There is no augmentation '{name}'. The known ones: {Names}."
                : element.Amount(result) != 0 ? $"{element.Name} is given twice."
                : element.Problem(number);
            if (problem is not null)
                return null;
            result = element!.With(result, element.Value(number) ?? 0);
        }

        problem = null;
        return result;
    }

    public override string ToString() => string.Join(',', Elements.Where(element => element.Amount(this) != 0).Select(element =>
        element.Unit is null ? element.Name : $"{element.Name}={element.Amount(this)}"));

    /// <summary>
    /// Augments the images of a step (B, C, H, W), normalized to mean 0, float32. The result depends only on the images, the run's seed,
    /// the epoch and the step, both counted from 1: a separate generator on the CPU draws the same numbers for every device.
    /// </summary>
    /// <param name="normalization">The one that was applied to the images.</param>
    /// <returns>Same shape and device. New pixels at the borders repeat the edge; a crop fills them with the mean.</returns>
    public Tensor Apply(Tensor images, Normalization normalization, long seed, int epoch, int step)
    {
        using var scope = NewDisposeScope();
        var (height, width) = ((int)images.shape[2], (int)images.shape[3]);
        var draws = DrawNumbers((int)images.shape[0], GeneratorSeed(seed, epoch, step));
        var result = images.alias();
        if (Stroke > 0)
            result = ImageTransforms.DilateStrokes(result, [.. draws.Select(draw => UniformSymmetric(draw[4], Stroke))]);
        if (Flip)
            result = ImageTransforms.HorizontalFlip(result, [.. draws.Select(draw => draw[5] < 0.5)]);
        if (Crop > 0)
            result = ImageTransforms.Crop(
                result, Crop, [.. draws.Select(draw => ((int)(draw[11] * (2 * Crop + 1)), (int)(draw[12] * (2 * Crop + 1))))]);
        if (Shift > 0 || Rotate > 0 || Scale > 0)
            result = ImageTransforms.Affine(result, [.. draws.Select(draw => new AffineParameters(
                Right: UniformSymmetric(draw[0], Shift),
                Down: UniformSymmetric(draw[1], Shift),
                Degrees: UniformSymmetric(draw[2], Rotate),
                Scale: 1 + UniformSymmetric(draw[3], Scale)))]);
        if (ResizedCrop > 0)
            result = ImageTransforms.ResizedCrop(result, [.. draws.Select(draw => ResizedCropArea(draw[13..35], height, width))]);
        if (Jitter > 0)
            result = normalization.ApplyInPlace(ImageTransforms.ColorJitter(
                normalization.Inverse.ApplyInPlace(result.clone()), [.. draws.Select(draw => ColorAdjustments(draw[35..]))]));
        if (Erase)
            result = ImageTransforms.Erase(result, [.. draws.Select(draw => draw[6] < 0.5 ? ErasedArea(draw, height, width) : default)]);
        return result.MoveToOuterDisposeScope();
    }

    /// <exception cref="UserException">The augmentation does not support images with this number of channels.</exception>
    public void ValidateChannels(int channels)
    {
        if (Jitter > 0 && channels is not (1 or 3))
            throw new UserException($"The augmentation jitter needs grey or RGB images; these have {channels} channels.");
    }

    /// <summary>Chains SplitMix64 over the run's seed, the epoch and the step.</summary>
    internal static ulong GeneratorSeed(long seed, int epoch, int step) =>
        SplitMix64(SplitMix64(SplitMix64(unchecked((ulong)seed)) ^ (ulong)epoch) ^ (ulong)step);

    // First output of the generator with this state. Source: G. Steele, D. Lea and C. Flood, "Fast Splittable Pseudorandom Number
    // Generators", 2014, figure 17 with the constants of java.util.SplittableRandom.
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

    private static float[][] DrawNumbers(int images, ulong seed)
    {
        using var generator = new Generator(seed);
        using var scope = NewDisposeScope();
        var numbers = cat([.. DrawGroups.Select(count => rand([images, count], device: CPU, generator: generator))], 1);
        return [.. numbers.data<float>().ToArray().Chunk(DrawGroups.Sum())];
    }

    private static double UniformSymmetric(float drawn, double most) => most * (2.0 * drawn - 1);

    // A fiftieth to a fifth of the image, with a ratio of height to width from 0.3 to 1/0.3, as far as it fits into the image.
    private static Rectangle ErasedArea(float[] draw, int height, int width)
    {
        var area = (0.02 + 0.18 * draw[7]) * height * width;
        var aspectRatio = Math.Pow(0.3, 2.0 * draw[8] - 1);
        var areaHeight = Math.Clamp((int)Math.Round(Math.Sqrt(area * aspectRatio)), 1, height);
        var areaWidth = Math.Clamp((int)Math.Round(Math.Sqrt(area / aspectRatio)), 1, width);
        return PlaceAtRandom(draw[9..], areaHeight, areaWidth, height, width);
    }

    // torchvision's RandomResizedCrop.get_params: a ratio of width to height from 3/4 to 4/3, and the largest centred rectangle of such a
    // ratio if no attempt fits into the image.
    private Rectangle ResizedCropArea(float[] draw, int height, int width)
    {
        for (var attempt = 0; attempt < ResizedCropAttempts; attempt++)
        {
            var area = (ResizedCrop + (1 - ResizedCrop) * draw[2 * attempt]) * height * width;
            var aspectRatio = Math.Pow(4 / 3.0, 2.0 * draw[2 * attempt + 1] - 1);
            var areaHeight = (int)Math.Round(Math.Sqrt(area / aspectRatio));
            var areaWidth = (int)Math.Round(Math.Sqrt(area * aspectRatio));
            if (areaHeight > 0 && areaHeight <= height && areaWidth > 0 && areaWidth <= width)
                return PlaceAtRandom(draw[(2 * ResizedCropAttempts)..], areaHeight, areaWidth, height, width);
        }

        var (tallest, widest) = (Math.Min(height, (int)Math.Round(width / 0.75)), Math.Min(width, (int)Math.Round(height / 0.75)));
        return new Rectangle((height - tallest) / 2, (width - widest) / 2, tallest, widest);
    }

    private static Rectangle PlaceAtRandom(float[] draw, int areaHeight, int areaWidth, int height, int width) =>
        new((int)(draw[0] * (height - areaHeight + 1)), (int)(draw[1] * (width - areaWidth + 1)), areaHeight, areaWidth);

    // Three numbers are the factors, three give the order.
    private ColorAdjustment[] ColorAdjustments(float[] draw) =>
    [
        .. Enum.GetValues<ColorProperty>()
            .OrderBy(property => draw[3 + (int)property])
            .Select(property => new ColorAdjustment(property, 1 + UniformSymmetric(draw[(int)property], Jitter))),
    ];

    /// <summary>Text and property of one element. An element without a unit takes no number.</summary>
    private sealed record Element(
        string Name,
        string? Unit,
        double Highest,
        Func<Augmentation, double> Amount,
        Func<Augmentation, double, Augmentation> With,
        bool IsWhole = false)
    {
        public string Usage => Unit is null ? Name : $"{Name}={Unit.ToUpperInvariant()}";

        public double? Value(string? text) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value > 0 && value <= Highest
            && (!IsWhole || double.IsInteger(value)) ? value : null;

        public string? Problem(string? text) => Unit is null
            ? text is null ? null : $"{Name} takes no number, not '{text}'."
            : Value(text) is not null ? null
            : $"{Usage} takes a {(IsWhole ? "whole " : "")}number above 0 and at most {Highest}, not '{text}'.";
    }
}

/// <summary>Writes an <see cref="Augmentation"/> as its text in JSON.</summary>
internal sealed class AugmentationConverter : JsonConverter<Augmentation>
{
    public override Augmentation Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new JsonException("An augmentation is a text.");
        return Augmentation.Parse(reader.GetString()!, out var problem) ?? throw new JsonException(problem);
    }

    public override void Write(Utf8JsonWriter writer, Augmentation value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
