using MnistCnn.Training;
using ScottPlot;
using ScottPlot.Colormaps;
using ScottPlot.TickGenerators;

namespace MnistCnn.Reporting.Plots;

internal static class ConfusionPlot
{
    // Side of the plot in pixels up to ten classes, and for more.
    private const int SmallSide = 800, LargeSide = 1000;

    private const int NumberSize = 18, MaxNameWidth = 160, NameGap = 8, ColorBarWidth = 110, LeftCaption = 60, BottomCaption = 45;

    // In percent of a row.
    private static readonly double[] ColorBarTicks = [0, 0.1, 1, 5, 20, 50, 100];

    /// <param name="isChosenOnTest">Whether the epoch of the weights was chosen by its accuracy on these images.</param>
    public static void Draw(
        string path, string title, Evaluation evaluation, IReadOnlyList<string> classNames, bool isChosenOnTest = false)
    {
        var classes = evaluation.Classes;
        var side = classes > 10 ? LargeSide : SmallSide;
        using var plot = new Plot();
        plot.Font.Set(Typefaces.Main.FamilyName);
        var note = isChosenOnTest ? $" ({TrainingText.ChosenOnTest})" : "";
        plot.Title($"{title}: {evaluation.Correct:N0} of {evaluation.Total:N0} correct, {evaluation.Accuracy:F2} %{note}", size: 20);
        plot.XLabel("Predicted class", size: 16);
        plot.YLabel("Actual class", size: 16);
        plot.HideGrid();
        plot.Axes.SetLimits(-0.5, classes - 0.5, -0.5, classes - 0.5);

        PlotFile.Write(path, side + ColorBarWidth, side, canvas =>
        {
            using var painter = new TextPainter(canvas);
            var names = TextPainter.Names(classNames).Select(name => painter.TruncateLabel(name, MaxNameWidth)).ToArray();
            var widest = names.Max(painter.LabelWidth);
            var cell = (side - widest - LeftCaption) / classes;
            var isUpright = widest > cell - NameGap;
            SetSize(plot.Axes.Left, LeftCaption + widest);
            SetSize(plot.Axes.Bottom, BottomCaption + (isUpright ? widest : TextPainter.LineHeight));
            AddMatrix(plot, evaluation.ConfusionMatrix, cell);

            // If the names do not fit, only every n-th one is drawn.
            var every = (int)Math.Ceiling(TextPainter.LineHeight / cell);
            var ticks = Enumerable.Range(0, classes).Where(number => number % every == 0).ToArray();
            plot.Axes.Bottom.TickGenerator = new NumericManual([.. ticks.Select(number => new Tick(number, ""))]);
            plot.Axes.Left.TickGenerator = new NumericManual([.. ticks.Select(number => new Tick(classes - 1 - number, ""))]);
            plot.Render(canvas, side + ColorBarWidth, side);
            foreach (var number in ticks)
                DrawName(plot, painter, names[number], number, classes, isUpright);
        });
    }

    private static void SetSize(IAxis axis, float size) => (axis.MinimumSize, axis.MaximumSize) = (size, size);

    // The shade is the cube root of the fraction of the row: classes of any size look alike, and single mistakes stay visible.
    private static void AddMatrix(Plot plot, int[,] counts, float cell)
    {
        var classes = counts.GetLength(0);
        var shades = new double[classes, classes];
        var digits = $"{counts.Cast<int>().Max()}".Length;
        for (var actual = 0; actual < classes; actual++)
        {
            var images = Enumerable.Range(0, classes).Sum(predicted => counts[actual, predicted]);
            for (var predicted = 0; predicted < classes; predicted++)
            {
                var count = counts[actual, predicted];
                var shade = images == 0 ? 0 : Math.Cbrt((double)count / images);
                shades[actual, predicted] = shade;
                if (count == 0 || classes > ClassName.MaxMatrixClasses)
                    continue;
                var text = plot.Add.Text($"{count}", predicted, classes - 1 - actual);
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
        AddColorBar(plot, heatmap);
    }

    private static void AddColorBar(Plot plot, IHasColorAxis heatmap)
    {
        var bar = plot.Add.ColorBar(heatmap);
        (bar.MinimumSize, bar.MaximumSize) = (ColorBarWidth, ColorBarWidth);
        bar.Label = "Fraction of the images of the actual class";
        bar.LabelStyle.FontSize = 16;
        bar.LabelStyle.FontName = bar.Axis.TickLabelStyle.FontName = Typefaces.Main.FamilyName;
        bar.Axis.TickLabelStyle.FontSize = 14;
        bar.Axis.TickGenerator = new NumericManual(
            [.. ColorBarTicks.Select(percent => new Tick(Math.Cbrt(percent / 100), $"{percent} %"))]);
    }

    // At both axes, after rendering: labels of ScottPlot have one font for all names.
    private static void DrawName(Plot plot, TextPainter painter, string name, int number, int classes, bool isUpright)
    {
        var (left, bottom) = (plot.LastRender.DataRect.Left - NameGap, plot.LastRender.DataRect.Bottom + NameGap);
        var pixel = plot.GetPixel(new Coordinates(number, classes - 1 - number));
        painter.LabelLeftOf(name, left, pixel.Y);
        if (isUpright)
            painter.LabelBelow(name, bottom, pixel.X);
        else
            painter.Label(name, pixel.X, bottom + TextPainter.LineHeight / 2);
    }
}
