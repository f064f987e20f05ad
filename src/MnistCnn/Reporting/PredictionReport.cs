using System.Globalization;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>predict</c> sees: a line a picture as it comes, or JSON at the end.</summary>
/// <param name="files">All pictures.</param>
/// <param name="top">How many digits to name.</param>
/// <param name="show">Whether to draw what the network saw.</param>
/// <param name="json">Whether to write JSON.</param>
internal sealed class PredictionReport(IReadOnlyList<string> files, int top, bool show, bool json)
{
    // From background to ink; each twice as wide, since a character is about twice as high as wide.
    private const string Shades = " ░▒▓█";

    private readonly int width = files.Max(file => file.Length);
    private readonly List<object> entries = [];

    /// <summary>Whether there was a picture that could not be read.</summary>
    public bool HasFailures { get; private set; }

    /// <summary>Reports a picture.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="image">What the network saw: (1, H, W), uint8. Null where no digit was found.</param>
    /// <param name="predictions">The digits, the likeliest first.</param>
    public void Add(string file, Tensor? image, IReadOnlyList<Prediction> predictions)
    {
        if (json)
        {
            var likeliest = predictions.Count > 0 ? predictions[0] : null;
            entries.Add(new
            {
                File = file,
                likeliest?.Digit,
                likeliest?.Probability,
                Top = predictions.Take(top),
            });
            return;
        }

        var found = image is null
            ? "no digit found"
            : string.Join("   ", predictions.Take(top).Select(prediction =>
                string.Create(CultureInfo.InvariantCulture, $"{prediction.Digit} {100 * prediction.Probability,6:F2} %")));
        Console.Out.WriteLine($"{file.PadRight(width)}   {found}");
        if (show && image is not null)
            Draw(image);
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

    private static void Draw(Tensor image)
    {
        foreach (var row in image.data<byte>().ToArray().Chunk((int)image.shape[^1]))
            Console.Out.WriteLine(string.Concat(row.Select(grey => new string(Shades[grey * (Shades.Length - 1) / 255], 2))).TrimEnd());
    }
}
