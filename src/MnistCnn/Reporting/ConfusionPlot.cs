using System.Globalization;
using MnistCnn.Training;
using ScottPlot;
using ScottPlot.Colormaps;
using ScottPlot.TickGenerators;

namespace MnistCnn.Reporting;

/// <summary>The confusion matrix of an evaluation as a picture: which class was taken for which, and how often.</summary>
internal static class ConfusionPlot
{
    private const int Side = 800;
    /// <param name="path">Where to; its ending is one of <see cref="Picture.Endings"/>.</param>
    /// <param name="title">The name of the network.</param>
    /// <param name="evaluation">What it did.</param>
    /// <param name="classNames">What the classes are called.</param>
    public static void Draw(string path, string title, Evaluation evaluation, IReadOnlyList<string> classNames)
    {
        var counts = evaluation.Confusion;
        var classes = evaluation.Classes;
        using var plot = new Plot();

        // Right answers outnumber the mistakes by so much that only their logarithm shows both.
        var shades = new double[classes, classes];
        var darkest = Math.Log(1 + counts.Cast<int>().Max());
        for (var truth = 0; truth < classes; truth++)
            for (var found = 0; found < classes; found++)
            {
                var shade = Math.Log(1 + counts[truth, found]) / darkest;
                shades[truth, found] = shade;
                if (counts[truth, found] == 0)
                    continue;
                var text = plot.Add.Text(counts[truth, found].ToString(CultureInfo.InvariantCulture), found, classes - 1 - truth);
                text.LabelFontName = Picture.Font;
                text.LabelFontSize = 18;
                text.LabelAlignment = Alignment.MiddleCenter;
                text.LabelFontColor = shade > 0.6 ? Colors.White : Colors.Black;
            }

        var heatmap = plot.Add.Heatmap(shades);
        heatmap.Colormap = new Reversed(new Blues());
        plot.MoveToBottom(heatmap);

        ChartPlot.Style(
            plot,
            string.Create(CultureInfo.InvariantCulture, $"{title}: {evaluation.Correct:N0} of {evaluation.Total:N0} right, {evaluation.Accuracy:F2} %"),
            "Class that the network found",
            "Class that it is");
        plot.Axes.Bottom.TickGenerator = new NumericManual([.. classNames.Select((name, place) => new Tick(place, name))]);
        plot.Axes.Left.TickGenerator = new NumericManual([.. classNames.Select((name, place) => new Tick(classes - 1 - place, name))]);
        plot.HideGrid();
        plot.Axes.SetLimits(-0.5, classes - 0.5, -0.5, classes - 0.5);
        Picture.Write(path, Side, Side, canvas => plot.Render(canvas, Side, Side));
    }
}
