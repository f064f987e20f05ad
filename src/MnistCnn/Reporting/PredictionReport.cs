using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using Spectre.Console;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Reporting;

/// <summary>Console output of <c>predict</c>: one line per image as soon as it is predicted, or JSON at the end.</summary>
internal sealed class PredictionReport(IReadOnlyList<string> files, TrainedNetwork model, int top, bool show, bool json)
{
    // From background to ink. Each pixel is two characters, because a character is about twice as high as wide.
    private const string Shades = " ░▒▓█";

    // A terminal has 80 columns.
    private const int MaxSide = 40;

    private readonly int fileWidth = files.Max(file => PrintableText.Escape(file).GetCellWidth());
    private readonly string[] names = [.. model.ClassNames.Select(name => ClassName.Truncate(name, ClassName.MaxColumns))];
    private readonly List<object> entries = [];

    public bool HasFailures { get; private set; }

    /// <param name="predictions">Prediction of the image, or one per digit from left to right; empty if no ink was found.</param>
    public void Add(string file, IReadOnlyList<ImagePrediction> predictions)
    {
        if (json)
        {
            var digits = predictions.Select(prediction => new
            {
                prediction.Best.Class,
                Name = model.ClassNames[prediction.Best.Class],
                prediction.Best.Probability,
                Top = prediction.Classes.Take(top).Select(one => new { one.Class, Name = model.ClassNames[one.Class], one.Probability }),
            }).ToArray();
            var (single, isNumber) = (digits.Length == 1 ? digits[0] : null, digits.Length > 1);
            entries.Add(new
            {
                File = file,
                Model = model.Path,
                single?.Class,
                Name = isNumber ? string.Concat(digits.Select(digit => digit.Name)) : single?.Name,
                Probability = isNumber ? digits.Aggregate(1.0, (product, digit) => product * digit.Probability) : single?.Probability,
                Top = single?.Top.ToArray() ?? [],
                Digits = model.ReadsDigits ? digits : null,
            });
            return;
        }

        var path = PrintableText.Escape(file);
        if (predictions.Count == 0)
            WriteLine(path, model.ReadsDigits ? "no digit found" : "nothing found");
        if (predictions.Count > 1)
            WriteLine(path, $"{string.Concat(predictions.Select(digit => names[digit.Best.Class]))}   {predictions.Count} digits:");
        foreach (var prediction in predictions)
        {
            WriteLine(predictions.Count == 1 ? path : "", string.Join("   ", prediction.Classes.Take(top).Select(Format)));
            foreach (var row in show ? Draw(prediction.Pixels, model.Shape) : [])
                Terminal.WriteLine(row);
        }
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

    /// <summary>Draws an image (C, H, W) in grey: one line of text per row of pixels, reduced to 80 columns.</summary>
    public static IReadOnlyList<string> Draw(byte[] pixels, NetworkShape shape)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (shape.Height, shape.Width);
        var image = tensor(pixels, [shape.Channels, height, width]);
        var grey = image.to_type(ScalarType.Float32).mean([0], keepdim: true);
        var scale = Math.Min(1, (double)MaxSide / Math.Max(height, width));
        var small = adaptive_avg_pool2d(grey.unsqueeze(0), [Scaled(height), Scaled(width)]);
        var rows = small.data<float>().ToArray().Chunk((int)Scaled(width));
        return [.. rows.Select(row => string.Concat(row.Select(Shade)).TrimEnd())];

        static string Shade(float light) => new(Shades[(int)light * (Shades.Length - 1) / byte.MaxValue], 2);

        long Scaled(long side) => Math.Max(1, (long)Math.Round(side * scale));
    }

    private void WriteLine(string file, string text) => Terminal.WriteLine($"{Pad(file, fileWidth)}   {text}");

    private string Format(Prediction prediction)
    {
        var name = Pad(names[prediction.Class], names.Max(other => other.GetCellWidth()));
        return $"{name} {100 * prediction.Probability,6:F2} %";
    }

    // Chinese and Japanese characters take two columns.
    private static string Pad(string text, int columns) => text + new string(' ', columns - text.GetCellWidth());
}

/// <summary>Prediction of an image, or of a digit in one.</summary>
/// <param name="Pixels">Input of the network: (C, H, W).</param>
/// <param name="Classes">The most probable class first.</param>
internal sealed record ImagePrediction(byte[] Pixels, IReadOnlyList<Prediction> Classes)
{
    public Prediction Best => Classes[0];
}
