using System.Globalization;
using MnistCnn.Training;
using ScottPlot;
using ScottPlot.Colormaps;
using ScottPlot.TickGenerators;

namespace MnistCnn.Reporting.Plots;

/// <summary>The confusion matrix of an evaluation as a picture: which class was taken for which, and how often.</summary>
internal static class ConfusionPlot
{
    // Up to ten classes, and above.
    private const int SmallSide = 800, LargeSide = 1000;
    private const int NumberSize = 18;
    private const int LongestName = 160;
    private const int LeftCaption = 60, BottomCaption = 45;
    private const int NameGap = 8;
    private const int BarRoom = 110;

    // Of a row, in percent.
    private static readonly double[] BarTicks = [0, 0.1, 1, 5, 20, 50, 100];

    /// <param name="path">Where to; its ending is one of <see cref="PlotFile.Endings"/>.</param>
    /// <param name="title">The name of the network.</param>
    /// <param name="evaluation">What it did.</param>
    /// <param name="classNames">What the classes are called.</param>
    /// <param name="isChosenOnTest">Whether the epoch of the weights was chosen by its accuracy on these images.</param>
    /// <returns>Whether the file was written; see <see cref="PlotFile.TryDraw"/>.</returns>
    public static bool Draw(
        string path, string title, Evaluation evaluation, IReadOnlyList<string> classNames, bool isChosenOnTest = false) =>
        PlotFile.TryDraw(path, () => Write(path, title, evaluation, classNames, isChosenOnTest));

    private static void Write(string path, string title, Evaluation evaluation, IReadOnlyList<string> classNames, bool isChosenOnTest)
    {
        var classes = evaluation.Classes;
        var side = classes > 10 ? LargeSide : SmallSide;
        using var plot = new Plot();
        Style(
            plot,
            $"{title}: {evaluation.Correct:N0} of {evaluation.Total:N0} right, {evaluation.Accuracy:F2} %"
            + (isChosenOnTest ? $" ({TrainingText.ChosenOnTest})" : ""),
            "Class that the network found",
            "Class that it is");
        plot.HideGrid();
        plot.Axes.SetLimits(-0.5, classes - 0.5, -0.5, classes - 0.5);

        PlotFile.Write(path, side + BarRoom, side, canvas =>
        {
            using var pen = new TextPainter(canvas);
            var names = TextPainter.Names(classNames).Select(name => pen.CutLabel(name, LongestName)).ToArray();
            var longest = names.Max(pen.LabelWidth);
            var cell = (side - longest - LeftCaption) / classes;
            var isUpright = longest > cell - NameGap;
            Reserve(plot.Axes.Left, LeftCaption + longest);
            Reserve(plot.Axes.Bottom, BottomCaption + (isUpright ? longest : TextPainter.LineHeight));
            Fill(plot, evaluation.ConfusionMatrix, cell);

            // Where there are too many names, each so many-th one is written.
            var every = (int)Math.Ceiling(TextPainter.LineHeight / cell);
            var ticks = Enumerable.Range(0, classes).Where(number => number % every == 0).ToArray();
            plot.Axes.Bottom.TickGenerator = new NumericManual([.. ticks.Select(number => new Tick(number, ""))]);
            plot.Axes.Left.TickGenerator = new NumericManual([.. ticks.Select(number => new Tick(classes - 1 - number, ""))]);
            plot.Render(canvas, side + BarRoom, side);
            foreach (var number in ticks)
                WriteName(plot, pen, names[number], number, classes, isUpright);
        });
    }

    private static void Style(Plot plot, string title, string xLabel, string yLabel)
    {
        plot.Font.Set(Typefaces.Main.FamilyName);
        plot.Title(title, size: 20);
        plot.XLabel(xLabel, size: 16);
        plot.YLabel(yLabel, size: 16);
    }

    private static void Reserve(IAxis axis, float room) => (axis.MinimumSize, axis.MaximumSize) = (room, room);

    // At both axes of a plot that is drawn; its own labels would be in one font for all scripts.
    private static void WriteName(Plot plot, TextPainter pen, string name, int number, int classes, bool isUpright)
    {
        var (left, bottom) = (plot.LastRender.DataRect.Left - NameGap, plot.LastRender.DataRect.Bottom + NameGap);
        var place = plot.GetPixel(new Coordinates(number, classes - 1 - number));
        pen.LabelLeftOf(name, left, place.Y);
        if (isUpright)
            pen.LabelBelow(name, bottom, place.X);
        else
            pen.Label(name, place.X, bottom + TextPainter.LineHeight / 2);
    }

    // A cell is as dark as its share of the row, so that classes of few and of many images look alike. The cube root lets single mistakes
    // be seen beside thousands of right answers.
    private static void Fill(Plot plot, int[,] counts, float cell)
    {
        var classes = counts.GetLength(0);
        var shades = new double[classes, classes];
        var digits = counts.Cast<int>().Max().ToString(CultureInfo.InvariantCulture).Length;
        for (var truth = 0; truth < classes; truth++)
        {
            var images = Enumerable.Range(0, classes).Sum(found => counts[truth, found]);
            for (var found = 0; found < classes; found++)
            {
                var shade = images == 0 ? 0 : Math.Cbrt((double)counts[truth, found] / images);
                shades[truth, found] = shade;
                if (counts[truth, found] == 0 || classes > ClassText.FewClasses)
                    continue;
                var text = plot.Add.Text(counts[truth, found].ToString(CultureInfo.InvariantCulture), found, classes - 1 - truth);
                text.LabelFontName = Typefaces.Main.FamilyName;
                text.LabelFontSize = Math.Min(NumberSize, 1.25f * cell / digits);
                text.LabelAlignment = Alignment.MiddleCenter;
                text.LabelFontColor = shade > 0.6 ? Colors.White : Colors.Black;
            }
        }

        var heatmap = plot.Add.Heatmap(shades);
        heatmap.Colormap = new Reversed(new Blues());
        heatmap.ManualRange = new ScottPlot.Range(0, 1);
        plot.MoveToBottom(heatmap);
        AddBar(plot, heatmap);
    }

    private static void AddBar(Plot plot, IHasColorAxis heatmap)
    {
        var bar = plot.Add.ColorBar(heatmap);
        (bar.MinimumSize, bar.MaximumSize) = (BarRoom, BarRoom);
        bar.Label = "Share of the images of the row's class";
        bar.LabelStyle.FontSize = 16;
        bar.LabelStyle.FontName = bar.Axis.TickLabelStyle.FontName = Typefaces.Main.FamilyName;
        bar.Axis.TickLabelStyle.FontSize = 14;
        bar.Axis.TickGenerator = new NumericManual(
            [.. BarTicks.Select(percent => new Tick(Math.Cbrt(percent / 100), $"{percent} %"))]);
    }
}
