using System.Globalization;
using MnistCnn.Data;
using MnistCnn.Training;
using SkiaSharp;

namespace MnistCnn.Reporting;

/// <summary>The images that a network was most sure of and yet took for another class, in one picture.</summary>
internal static class MistakesPlot
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
    /// <param name="classNames">What the classes are called.</param>
    public static void Draw(string path, string title, Evaluation evaluation, ImageSet images, IReadOnlyList<string> classNames)
    {
        var mistakes = evaluation.Mistakes.Take(Rows * Columns).ToArray();
        var rows = (mistakes.Length + Columns - 1) / Columns;
        Picture.Write(path, Columns * Cell, Head + rows * Cell, canvas =>
        {
            using var pen = new TextPen(canvas);
            var count = evaluation.Total - evaluation.Correct;
            var part = count > mistakes.Length ? $", the {mistakes.Length} most confident" : "";
            pen.Title($"{title}: {count} mistakes{part}", Columns * Cell / 2);
            foreach (var (index, mistake) in mistakes.Index())
            {
                var (row, column) = Math.DivRem(index, Columns);
                var (centre, top) = ((column + 0.5f) * Cell, Head + row * Cell);
                using var pixels = images.Images[mistake, 0];
                using var image = Picture.Grey(pixels);
                var (width, height) = (image.Width * Scale, image.Height * Scale);
                canvas.DrawImage(image, SKRect.Create(centre - width / 2f, top, width, height), new SKSamplingOptions(SKFilterMode.Nearest));
                pen.Label(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"is {Name(evaluation.Labels)}, found {Name(evaluation.Predictions)} ({100 * evaluation.Confidences[mistake]:F1} %)"),
                    centre,
                    top + height + 20);

                string Name(IReadOnlyList<long> classes) => classNames[(int)classes[mistake]];
            }
        });
    }
}
