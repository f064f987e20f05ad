using MnistCnn.Data;
using MnistCnn.Runtime;
using MnistCnn.Training;
using Spectre.Console;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Reporting;

/// <summary>Console output of <c>predict</c>: one line per image as soon as it is predicted, or JSON at the end.</summary>
/// <param name="model">Path of the weights.</param>
/// <param name="top">Number of classes to show.</param>
/// <param name="show">Whether to draw the images as the network sees them.</param>
internal sealed class PredictionReport(
    IReadOnlyList<string> files, string model, IReadOnlyList<string> classNames, int top, bool show, bool json)
{
    // From background to ink. Each pixel is two characters, because a character is about twice as high as wide.
    private const string Shades = " ░▒▓█";

    // A terminal has 80 columns.
    private const int MaxSide = 40;

    private readonly int fileWidth = files.Max(file => PrintableText.Escape(file).GetCellWidth());
    private readonly string[] names = [.. classNames.Select(name => ClassName.Truncate(name, ClassName.MaxColumns))];
    private readonly List<object> entries = [];

    public bool HasFailures { get; private set; }

    /// <param name="image">Input of the network (C, H, W), uint8; null if no ink was found.</param>
    /// <param name="predictions">Classes, the most probable first.</param>
    public void Add(string file, Tensor? image, IReadOnlyList<Prediction> predictions)
    {
        if (json)
        {
            Entry[] shown = [.. predictions.Take(top).Select(one => new Entry(one.Class, classNames[one.Class], one.Probability))];
            var best = shown.FirstOrDefault();
            entries.Add(new { File = file, Model = model, best?.Class, best?.Name, best?.Probability, Top = shown });
            return;
        }

        var nothing = classNames.Count == 10 && ClassNames.AreNumbers(classNames) ? "no digit found" : "nothing found";
        var line = image is null ? nothing : string.Join("   ", predictions.Take(top).Select(Format));
        Terminal.WriteLine($"{Pad(PrintableText.Escape(file), fileWidth)}   {line}");
        foreach (var row in show && image is not null ? Draw(image) : [])
            Terminal.WriteLine(row);
    }

    public void Fail(string file, string reason)
    {
        HasFailures = true;
        Terminal.WriteErrorLine($"error: {reason}");
        if (json)
            entries.Add(new { File = file, Error = reason });
    }

    public void Finish()
    {
        if (json)
            Output.Write(json, entries, _ => { });
    }

    /// <summary>Draws an image (C, H, W), uint8, in grey: one line of text per row of pixels, reduced to 80 columns.</summary>
    public static IReadOnlyList<string> Draw(Tensor image)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (image.shape[1], image.shape[2]);
        var grey = image.to_type(ScalarType.Float32).mean([0], keepdim: true);
        var scale = Math.Min(1, (double)MaxSide / Math.Max(height, width));
        var small = adaptive_avg_pool2d(grey.unsqueeze(0), [Scaled(height), Scaled(width)]);
        var rows = small.data<float>().ToArray().Chunk((int)Scaled(width));
        return [.. rows.Select(row => string.Concat(row.Select(Shade)).TrimEnd())];

        static string Shade(float light) => new(Shades[(int)light * (Shades.Length - 1) / byte.MaxValue], 2);

        long Scaled(long side) => Math.Max(1, (long)Math.Round(side * scale));
    }

    private string Format(Prediction prediction)
    {
        var name = Pad(names[prediction.Class], names.Max(other => other.GetCellWidth()));
        return $"{name} {100 * prediction.Probability,6:F2} %";
    }

    // Chinese and Japanese characters take two columns.
    private static string Pad(string text, int columns) => text + new string(' ', columns - text.GetCellWidth());

    private sealed record Entry(int Class, string Name, double Probability);
}
