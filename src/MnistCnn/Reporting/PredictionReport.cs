using System.Globalization;
using MnistCnn.Data;
using MnistCnn.Training;
using Spectre.Console;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>predict</c> sees: a line a picture as it comes, or JSON at the end.</summary>
/// <param name="files">All pictures.</param>
/// <param name="model">The path of the weights that predict.</param>
/// <param name="classNames">What the network calls its classes.</param>
/// <param name="top">How many classes to name.</param>
/// <param name="show">Whether to draw what the network saw.</param>
/// <param name="json">Whether to write JSON.</param>
internal sealed class PredictionReport(
    IReadOnlyList<string> files, string model, IReadOnlyList<string> classNames, int top, bool show, bool json)
{
    // From background to ink; each twice as wide, since a character is about twice as high as wide.
    private const string Shades = " ░▒▓█";

    // Of a terminal of 80 columns, at two a pixel.
    private const int LargestSide = 40;

    private readonly int width = files.Max(file => file.Length);
    private readonly string[] names = [.. classNames.Select(name => ClassText.Line(name, ClassText.LongestName))];
    private readonly int nameWidth = classNames.Max(name => ClassText.Line(name, ClassText.LongestName).GetCellWidth());

    // Those of MNIST, which programs know as digits.
    private readonly bool hasDigits = classNames.Count == 10 && ClassNames.AreNumbers(classNames);
    private readonly List<object> entries = [];

    /// <summary>Whether there was a picture that could not be read.</summary>
    public bool HasFailures { get; private set; }

    /// <summary>Reports a picture.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="image">What the network saw: (C, H, W), uint8. Null where no ink was found.</param>
    /// <param name="predictions">The classes, the likeliest first.</param>
    public void Add(string file, Tensor? image, IReadOnlyList<Prediction> predictions)
    {
        if (json)
        {
            var found = predictions.Take(top).Select(Entry).ToArray();
            var likeliest = predictions.Count > 0 ? predictions[0] : null;
            var name = likeliest is null ? null : classNames[likeliest.Class];
            var (number, probability) = (likeliest?.Class, likeliest?.Probability);
            entries.Add(hasDigits
                ? new { File = file, Model = model, Digit = number, Class = number, Name = name, Probability = probability, Top = found }
                : new { File = file, Model = model, Class = number, Name = name, Probability = probability, Top = found });
            return;
        }

        var nothing = hasDigits ? "no digit found" : "nothing found";
        var line = image is null ? nothing : string.Join("   ", predictions.Take(top).Select(Text));
        Console.Out.WriteLine($"{file.PadRight(width)}   {line}");
        foreach (var row in show && image is not null ? Drawing(image) : [])
            Console.Out.WriteLine(row);
    }

    /// <summary>Reports a picture that could not be read.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="reason">Why, in one line.</param>
    public void Fail(string file, string reason)
    {
        HasFailures = true;
        Console.Error.WriteLine($"error: {reason.ReplaceLineEndings(" ")}");
        if (json)
            entries.Add(new { File = file, Error = reason });
    }

    /// <summary>All pictures are reported. Where the work broke off before, there is no document.</summary>
    public void Finish()
    {
        if (json)
            Output.Write(json, entries, _ => { });
    }

    /// <summary>An image in grey, a line of text for each row of its pixels; what is larger than a terminal is made smaller.</summary>
    /// <param name="image">Pixels, 0 is black: (C, H, W), uint8.</param>
    public static IReadOnlyList<string> Drawing(Tensor image)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (image.shape[1], image.shape[2]);
        var grey = image.to_type(ScalarType.Float32).mean([0], keepdim: true);
        var scale = Math.Min(1, (double)LargestSide / Math.Max(height, width));
        var small = adaptive_avg_pool2d(grey.unsqueeze(0), [Scaled(height), Scaled(width)]);
        return
        [
            .. small.data<float>().ToArray().Chunk((int)Scaled(width))
                .Select(row => string.Concat(row.Select(light => new string(Shades[(int)light * (Shades.Length - 1) / byte.MaxValue], 2))).TrimEnd()),
        ];

        long Scaled(long side) => Math.Max(1, (long)Math.Round(side * scale));
    }

    private object Entry(Prediction prediction) => hasDigits
        ? new { Digit = prediction.Class, prediction.Class, Name = classNames[prediction.Class], prediction.Probability }
        : new { prediction.Class, Name = classNames[prediction.Class], prediction.Probability };

    private string Text(Prediction prediction)
    {
        var name = names[prediction.Class];
        return string.Create(
            CultureInfo.InvariantCulture, $"{name}{new string(' ', nameWidth - name.GetCellWidth())} {100 * prediction.Probability,6:F2} %");
    }
}
