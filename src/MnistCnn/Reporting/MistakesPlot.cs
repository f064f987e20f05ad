using System.Globalization;
using MnistCnn.Data;
using MnistCnn.Training;
using SkiaSharp;

namespace MnistCnn.Reporting;

/// <summary>The images that a network was most sure of and yet took for another digit, in one picture.</summary>
public static class MistakesPlot
{
    private const int Columns = 5;
    private const int Rows = 5;
    private const int Scale = 5;
    private const int Cell = 180;
    private const int Head = 60;

    /// <summary>Draws as many as there are, 25 at most.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="Picture.Endings"/>.</param>
    /// <param name="title">The name of the network.</param>
    /// <param name="evaluation">What it did.</param>
    /// <param name="images">What it did it on.</param>
    public static void Draw(string path, string title, Evaluation evaluation, ImageSet images)
    {
        var mistakes = evaluation.Mistakes.Take(Rows * Columns).ToArray();
        var rows = (mistakes.Length + Columns - 1) / Columns;
        Picture.Write(path, Columns * Cell, Head + rows * Cell, canvas =>
        {
            using var typeface = SKTypeface.FromFamilyName(Picture.Font);
            using var headFont = new SKFont(typeface, 20) { Embolden = true };
            using var font = new SKFont(typeface, 15);
            using var ink = new SKPaint { Color = SKColors.Black, IsAntialias = true };
            var count = evaluation.Total - evaluation.Correct;
            var part = count > mistakes.Length ? $", the {mistakes.Length} most confident" : "";
            canvas.DrawText($"{title}: {count} mistakes{part}", Columns * Cell / 2, 38, SKTextAlign.Center, headFont, ink);
            foreach (var (index, mistake) in mistakes.Index())
            {
                var (row, column) = Math.DivRem(index, Columns);
                var (centre, top) = ((column + 0.5f) * Cell, Head + row * Cell);
                using var pixels = images.Images[mistake];
                using var image = Picture.Grey(pixels);
                var (width, height) = (image.Width * Scale, image.Height * Scale);
                canvas.DrawImage(image, SKRect.Create(centre - width / 2f, top, width, height), new SKSamplingOptions(SKFilterMode.Nearest));
                canvas.DrawText(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"is {evaluation.Labels[mistake]}, found {evaluation.Predictions[mistake]} ({100 * evaluation.Confidences[mistake]:F1} %)"),
                    centre, top + height + 20, SKTextAlign.Center, font, ink);
            }
        });
    }
}
