using MnistCnn.Charts;
using ScottPlot;
using ScottPlot.Palettes;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

/// <summary>
/// Draws charts that are readable without colours and at a small size: colours, dashes and markers tell the curves apart, and each curve
/// has its name at its end, or in a legend if there is no space.
/// </summary>
internal static class ChartPlot
{
    /// <summary>Size of one chart, in pixels.</summary>
    public const int Width = 800, Height = 500;

    private const int Margin = 24;

    // Curves with more points than the first have smaller markers, curves with more than the second none.
    private const int ManyPoints = 20, TooManyPoints = 40;

    private static readonly TextStyle HeadingStyle = new(30, IsBold: true);
    private static readonly TextStyle NoteStyle = new(20, IsGrey: true);
    private static readonly TextStyle TitleStyle = new(22, IsBold: true);
    private static readonly TextStyle AxisStyle = new(19, IsGrey: true);

    // Without yellow, which has little contrast on white.
    private static readonly Color[] Colors = [.. new ColorblindFriendly().Colors.Where((_, index) => index != 4)];

    private static readonly MarkerShape[] Markers =
    [
        MarkerShape.FilledCircle, MarkerShape.OpenSquare, MarkerShape.FilledDiamond, MarkerShape.OpenTriangleUp, MarkerShape.Cross,
        MarkerShape.OpenCircle,
    ];

    private static readonly LinePattern[] Lines =
        [LinePattern.Solid, LinePattern.Dashed, LinePattern.Dotted, LinePattern.DenselyDashed];

    public static void Draw(string path, params IReadOnlyList<Chart> charts) => Draw(path, "", [], [charts]);

    /// <summary>Draws rows of charts below a heading.</summary>
    /// <param name="notes">Smaller lines below the heading.</param>
    public static void Draw(string path, string heading, IReadOnlyList<string> notes, IReadOnlyList<IReadOnlyList<Chart>> rows)
    {
        var width = Width * rows.Max(row => row.Count);
        using var noCanvas = new SKNoDrawCanvas(1, 1);
        using var measure = new TextPainter(noCanvas);
        (string Text, TextStyle Style)[] head =
        [
            .. from text in notes.Select(note => (Text: note, Style: NoteStyle)).Prepend((Text: heading, Style: HeadingStyle))
               from line in measure.Wrap(text.Text, text.Style, width - 2 * Margin)
               select (line, text.Style),
        ];
        var headHeight = head.Length == 0 ? 0 : Margin + head.Sum(line => LineHeight(line.Style));

        PlotFile.Write(path, width, headHeight + Height * rows.Count, canvas =>
        {
            using var painter = new TextPainter(canvas);
            foreach (var (row, charts) in rows.Index())
            {
                var titleLines = charts.Max(chart => TitleLines(painter, chart).Count);
                foreach (var (column, chart) in charts.Index())
                {
                    canvas.Save();
                    canvas.Translate(column * Width, headHeight + row * Height);
                    canvas.ClipRect(SKRect.Create(Width, Height)); // ScottPlot clears the whole canvas
                    DrawChart(canvas, painter, chart, titleLines);
                    canvas.Restore();
                }
            }

            var baseline = Margin / 2;
            foreach (var (text, style) in head)
                painter.Draw(text, style, Margin, baseline += LineHeight(style));
        });
    }

    private static int LineHeight(TextStyle style) => style.Size * 4 / 3;

    private static IReadOnlyList<string> TitleLines(TextPainter painter, Chart chart) =>
        painter.Wrap(chart.Title, TitleStyle, Width - 2 * Margin);

    private static void DrawChart(SKCanvas canvas, TextPainter painter, Chart chart, int titleLines)
    {
        var head = Margin / 2 + titleLines * LineHeight(TitleStyle) + LineHeight(AxisStyle) + 18;
        var labels = CurveLabels.Create(chart, painter, Height - head);

        using var plot = CreatePlot(chart, hasLegend: labels is null && chart.Curves.Count > 1);
        plot.Axes.Top.MinimumSize = head;
        plot.Axes.Right.MinimumSize = labels?.Width ?? Margin;
        // The first rendering computes the layout and may repeat itself, which an SVG file would keep twice.
        plot.RenderInMemory(Width, Height);
        plot.Render(canvas, Width, Height);

        var baseline = Margin / 2;
        foreach (var line in TitleLines(painter, chart))
            painter.Draw(line, TitleStyle, Margin, baseline += LineHeight(TitleStyle));
        painter.Draw(chart.YLabel, AxisStyle, Margin, head - 18);
        labels?.Draw(canvas, painter, plot);
    }

    private static Plot CreatePlot(Chart chart, bool hasLegend)
    {
        var plot = new Plot();
        plot.Font.Set(Typefaces.Main.FamilyName);
        foreach (var (index, curve) in chart.Curves.Index())
            AddCurve(plot, chart, curve, curve.StyleIndex ?? index);
        plot.XLabel(chart.XLabel, size: AxisStyle.Size);
        plot.Axes.Bottom.Label.Bold = false;
        foreach (var axis in new IAxis[] { plot.Axes.Bottom, plot.Axes.Left })
            axis.TickLabelStyle.FontSize = AxisStyle.Size - 1;
        plot.Axes.Left.MinimumSize = 84;
        plot.Axes.AutoScale();
        ScaleX(plot, chart);
        if (chart.LogY)
            plot.Axes.Left.TickGenerator = LogTicks(plot.Axes.GetLimits().YRange);
        if (hasLegend)
            ShowLegend(plot, chart);
        else
            plot.HideLegend();
        return plot;
    }

    private static void AddCurve(Plot plot, Chart chart, Curve curve, int styleIndex)
    {
        var drawn = DrawnPoints(chart, curve);
        var color = ColorOf(styleIndex);

        // A missing value makes a gap in the line and its band: each run of consecutive points is a line of its own.
        foreach (var run in drawn.Index().GroupBy(point => point.Item - point.Index, point => point.Item))
        {
            double[] x = [.. run.Select(point => AxisX(chart, curve.X[point]))];
            var line = plot.Add.Scatter(x, Y(curve.Y));
            line.Color = color;
            line.LineWidth = !curve.HasLine ? 0 : curve.IsThin ? 1.5f : 3;
            var hasMarkers = !curve.HasLine || (drawn.Length <= TooManyPoints && !(curve.IsThin && drawn.Length > 1));
            line.MarkerSize = !hasMarkers ? 0 : curve is { IsThin: true, HasLine: false } || drawn.Length > ManyPoints ? 5 : 10;
            line.MarkerShape = Markers[styleIndex % Markers.Length];
            line.LinePattern = Lines[styleIndex % Lines.Length];
            line.LegendText = chart.Curves.Count > 1 && run.First() == drawn[0] ? curve.Name : "";
            if (curve is { HasLine: true, Low: { } low, High: { } high } && x.Length > 1)
            {
                var band = plot.Add.FillY(x, Y(low), Y(high));
                band.FillColor = color.WithAlpha(0.15);
                (band.LineWidth, band.MarkerSize, band.LegendText) = (0, 0, "");
            }

            double[] Y(IReadOnlyList<double> values) => [.. run.Select(point => AxisY(chart, values[point]))];
        }

        foreach (var point in drawn.Where(point => curve.Marks?[point].Length > 0))
        {
            var mark = plot.Add.Text(curve.Marks![point], AxisX(chart, curve.X[point]), AxisY(chart, curve.Y[point]));
            mark.LabelFontName = Typefaces.Main.FamilyName;
            mark.LabelFontSize = AxisStyle.Size - 4;
            mark.LabelFontColor = color;
            mark.LabelAlignment = Alignment.UpperCenter;
            mark.OffsetY = 8;
        }
    }

    public static Color ColorOf(int styleIndex) => Colors[styleIndex % Colors.Length];

    /// <summary>Indices of a curve's points that can be drawn.</summary>
    public static int[] DrawnPoints(Chart chart, Curve curve) =>
        [.. Enumerable.Range(0, curve.X.Count).Where(index => chart.LogY ? curve.Y[index] > 0 : double.IsFinite(curve.Y[index]))];

    /// <summary>ScottPlot's coordinate of a value on the horizontal axis.</summary>
    public static double AxisX(Chart chart, double x) => chart.LogX ? Math.Log2(x) : x;

    /// <summary>ScottPlot's coordinate of a value on the vertical axis.</summary>
    public static double AxisY(Chart chart, double y) => chart.LogY ? Math.Log10(y) : y;

    private static void ScaleX(Plot plot, Chart chart)
    {
        if (chart.IntegerAxisMax is { } max)
        {
            plot.Axes.Bottom.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };
            plot.Axes.Bottom.MinorTickStyle.Length = 0;
            var last = Math.Max(max, 2);
            var margin = 0.04 * (last - 1);
            plot.Axes.SetLimitsX(1 - margin, last + margin);
        }

        if (chart.LogX)
        {
            var values = chart.Curves.SelectMany(curve => curve.X).Distinct().Order().ToArray();
            if (values.Length > ManyPoints)
                values = Thin(values);
            plot.Axes.Bottom.TickGenerator = new NumericManual([.. values.Select(Math.Log2)], [.. values.Select(value => $"{value}")]);
        }
    }

    // Powers of two, or else powers of ten, or else about ten of the values.
    private static double[] Thin(double[] values)
    {
        double[] powers = [.. values.Where(value => double.IsInteger(Math.Log2(value)))];
        if (powers.Length > 1)
            return powers;
        var (first, last) = ((int)Math.Ceiling(Math.Log10(values[0])), (int)Math.Floor(Math.Log10(values[^1])));
        return last > first + 1
            ? [.. Enumerable.Range(first, last - first + 1).Select(exponent => Math.Pow(10, exponent))]
            : [.. values.Where((_, index) => index % (values.Length / 10) == 0)];
    }

    // Ticks at powers of ten, or at 1, 2 and 5 times powers of ten if the range has less than two of them.
    private static ITickGenerator LogTicks(CoordinateRange range)
    {
        if (range.Length > 2)
            return new NumericAutomatic { IntegerTicksOnly = true, LabelFormatter = Wording.PowerOfTen, TickDensity = 0.6 };
        double[] values =
        [
            .. from exponent in Enumerable.Range((int)Math.Floor(range.Min), 4)
               from digit in new[] { 1, 2, 5 }
               select digit * Math.Pow(10, exponent),
        ];
        return new NumericManual([.. values.Select(Math.Log10)], [.. values.Select(value => $"{value:G3}")]);
    }

    // Shows the legend in the corner where fewer curves end.
    private static void ShowLegend(Plot plot, Chart chart)
    {
        plot.Legend.FontSize = AxisStyle.Size - 3;
        double[] ends =
        [
            .. from curve in chart.Curves
               let drawn = DrawnPoints(chart, curve)
               where drawn.Length > 0
               select AxisY(chart, curve.Y[drawn[^1]]),
        ];
        var isAbove = ends.Length == 0 || ends.Average() > plot.Axes.GetLimits().YRange.Center;
        plot.ShowLegend(isAbove ? Alignment.LowerRight : Alignment.UpperRight);
    }
}
