using System.Globalization;
using MnistCnn.Data;
using MnistCnn.Training;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

/// <summary>The images that a network was most sure of and yet took for another class, in one picture.</summary>
internal static class MistakesPlot
{
    private const int Columns = 5;
    private const int Rows = 5;
    private const int Side = 140;
    private const int Cell = 180;
    private const int LabelRoom = Cell - 8;
    private const int Head = 60;

    /// <summary>Draws as many as there are, 25 at most.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="PlotFile.Endings"/>.</param>
    /// <param name="title">The name of the network.</param>
    /// <param name="evaluation">What it did.</param>
    /// <param name="images">What it did it on.</param>
    /// <param name="classNames">What the classes are called.</param>
    /// <returns>Whether the file was written; see <see cref="PlotFile.TryDraw"/>.</returns>
    public static bool Draw(string path, string title, Evaluation evaluation, LabeledImages images, IReadOnlyList<string> classNames) =>
        PlotFile.TryDraw(path, () => Write(path, title, evaluation, images, classNames));

    private static void Write(string path, string title, Evaluation evaluation, LabeledImages images, IReadOnlyList<string> classNames)
    {
        var mistakes = evaluation.Misclassified.Take(Rows * Columns).ToArray();
        var names = TextPainter.Names(classNames);
        var isShort = names.All(name => name.Length == 1);
        var height = Cell + (isShort ? 0 : 2 * TextPainter.LineHeight);
        var rows = (mistakes.Length + Columns - 1) / Columns;
        PlotFile.Write(path, Columns * Cell, Head + rows * height, canvas =>
        {
            using var pen = new TextPainter(canvas);
            var count = evaluation.Total - evaluation.Correct;
            var part = count > mistakes.Length ? $", the {mistakes.Length} most confident" : "";
            pen.Title($"{title}: {count} mistakes{part}", Columns * Cell / 2);
            foreach (var (index, mistake) in mistakes.Index())
            {
                var (row, column) = Math.DivRem(index, Columns);
                var (centre, top) = ((column + 0.5f) * Cell, Head + row * height);
                using var pixels = images.Images[mistake];
                using var image = PlotFile.Of(pixels);
                DrawImage(canvas, image, centre, top + Side / 2f);
                foreach (var (line, text) in Label(evaluation, mistake, names, isShort).Index())
                    pen.Label(pen.CutLabel(text, LabelRoom), centre, top + Side + 20 + line * TextPainter.LineHeight);
            }
        });
    }

    // The lines below an image; only names of one character leave room for all of it in one.
    private static string[] Label(Evaluation evaluation, int mistake, IReadOnlyList<string> names, bool isShort)
    {
        var (truth, found) = (names[(int)evaluation.Labels[mistake]], names[(int)evaluation.Predictions[mistake]]);
        var confidence = string.Create(CultureInfo.InvariantCulture, $"({100 * evaluation.Confidences[mistake]:F1} %)");
        return isShort ? [$"is {truth}, found {found} {confidence}"] : [$"is {truth}", $"found {found}", confidence];
    }

    // As large as fits into the cell; small images with pixels to be seen, each of the same size.
    private static void DrawImage(SKCanvas canvas, SKImage image, float centre, float middle)
    {
        var scale = (float)Side / Math.Max(image.Width, image.Height);
        var sampling = scale >= 2 ? new SKSamplingOptions(SKFilterMode.Nearest) : new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear);
        scale = scale >= 2 ? MathF.Floor(scale) : scale;
        var (width, height) = (image.Width * scale, image.Height * scale);
        canvas.DrawImage(image, SKRect.Create(centre - width / 2, middle - height / 2, width, height), sampling);
    }
}
