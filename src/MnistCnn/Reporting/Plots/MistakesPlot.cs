using MnistCnn.Data;
using MnistCnn.Training;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

/// <summary>Draws the misclassified images with the highest confidence, at most 25.</summary>
internal static class MistakesPlot
{
    private const int Columns = 5, Rows = 5, Side = 140, Cell = 180, LabelWidth = Cell - 8, Head = 60;

    public static void Draw(string path, string title, Evaluation evaluation, LabeledImages images, IReadOnlyList<string> classNames)
    {
        var mistakes = evaluation.Misclassified.Take(Rows * Columns).ToArray();
        var names = TextPainter.Names(classNames);
        var labelLines = names.All(name => name.Length == 1) ? 2 : 3;
        var height = Cell + (labelLines - 1) * TextPainter.LineHeight;
        var rows = (mistakes.Length + Columns - 1) / Columns;
        PlotFile.Write(path, Columns * Cell, Head + rows * height, canvas =>
        {
            using var painter = new TextPainter(canvas);
            var count = evaluation.Total - evaluation.Correct;
            var part = count > mistakes.Length ? $", the {mistakes.Length} most confident" : "";
            painter.Title($"{title}: {count} mistakes{part}", Columns * Cell / 2);
            foreach (var (index, mistake) in mistakes.Index())
            {
                var (row, column) = Math.DivRem(index, Columns);
                var (centre, top) = ((column + 0.5f) * Cell, Head + row * height);
                using var pixels = images.Images[mistake];
                using var image = TensorImage.Create(pixels);
                DrawImage(canvas, image, centre, top + Side / 2f);
                foreach (var (line, text) in CreateLabel(evaluation, mistake, names, labelLines).Index())
                    painter.Label(painter.TruncateLabel(text, LabelWidth), centre, top + Side + 20 + line * TextPainter.LineHeight);
            }
        });
    }

    // Fills the cell; small images are enlarged by a whole number, so that all pixels have the same size.
    private static void DrawImage(SKCanvas canvas, SKImage image, float centre, float middle)
    {
        var scale = (float)Side / Math.Max(image.Width, image.Height);
        var sampling = new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear);
        if (scale >= 2)
            (scale, sampling) = (MathF.Floor(scale), new SKSamplingOptions(SKFilterMode.Nearest));
        var (width, height) = (image.Width * scale, image.Height * scale);
        canvas.DrawImage(image, SKRect.Create(centre - width / 2, middle - height / 2, width, height), sampling);
    }

    private static string[] CreateLabel(Evaluation evaluation, int mistake, IReadOnlyList<string> names, int lines)
    {
        var (actual, predicted) = (names[(int)evaluation.Labels[mistake]], names[(int)evaluation.Predictions[mistake]]);
        var confidence = $"({100 * evaluation.Confidences[mistake]:F1} %)";
        return lines == 2
            ? [$"actual {actual}, predicted {predicted}", confidence]
            : [$"actual {actual}", $"predicted {predicted}", confidence];
    }
}
