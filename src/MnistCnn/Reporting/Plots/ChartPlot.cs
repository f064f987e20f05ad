using System.Globalization;
using MnistCnn.Charts;
using ScottPlot;
using ScottPlot.Palettes;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

/// <summary>
/// Draws charts, for eyes that see no colours and for pictures that are shown small. Colours, dashes and markers tell the curves apart,
/// and their names stand at their ends; in a legend where there is no room for that.
/// </summary>
internal static class ChartPlot
{
    /// <summary>The size of one chart, in pixels.</summary>
    public const int Width = 800, Height = 500;

    private const int Margin = 24;

    // Curves of more points than this have smaller markers, and of more than that none.
    private const int ManyPoints = 20, TooManyPoints = 40;

    private static readonly TextStyle HeadingLetters = new(30, IsBold: true);
    private static readonly TextStyle NoteLetters = new(20, IsGrey: true);
    private static readonly TextStyle TitleLetters = new(22, IsBold: true);
    private static readonly TextStyle AxisLetters = new(19, IsGrey: true);

    // Without its yellow, which is hard to see on white.
    private static readonly Color[] Colors = [.. new ColorblindFriendly().Colors.Where((_, index) => index != 4)];

    private static readonly MarkerShape[] Markers =
    [
        MarkerShape.FilledCircle, MarkerShape.OpenSquare, MarkerShape.FilledDiamond, MarkerShape.OpenTriangleUp, MarkerShape.Cross,
        MarkerShape.OpenCircle,
    ];

    private static readonly LinePattern[] Lines =
        [LinePattern.Solid, LinePattern.Dashed, LinePattern.Dotted, LinePattern.DenselyDashed];

    /// <summary>Draws charts side by side into one picture.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="PlotFile.Endings"/>.</param>
    /// <param name="charts">From left to right.</param>
    /// <returns>Whether the file was written; see <see cref="PlotFile.TryDraw"/>.</returns>
    public static bool Draw(string path, params IReadOnlyList<Chart> charts) => Draw(path, "", [], [charts]);

    /// <summary>Draws charts into one picture, row by row.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="PlotFile.Endings"/>.</param>
    /// <param name="heading">What is written above all, or nothing.</param>
    /// <param name="notes">What is written below that, smaller; each begins a line.</param>
    /// <param name="rows">From top to bottom; each from left to right.</param>
    /// <returns>Whether the file was written; see <see cref="PlotFile.TryDraw"/>.</returns>
    public static bool Draw(string path, string heading, IReadOnlyList<string> notes, IReadOnlyList<IReadOnlyList<Chart>> rows) =>
        PlotFile.TryDraw(path, () => Write(path, heading, notes, rows));

    private static void Write(string path, string heading, IReadOnlyList<string> notes, IReadOnlyList<IReadOnlyList<Chart>> rows)
    {
        var width = Width * rows.Max(row => row.Count);
        using var measure = new SKNoDrawCanvas(1, 1);
        using var measuringPen = new TextPainter(measure);
        var head = notes.Select(note => (Text: note, Letters: NoteLetters)).Prepend((Text: heading, Letters: HeadingLetters))
            .SelectMany(text => measuringPen.Lines(text.Text, text.Letters, width - 2 * Margin), (text, line) => (Text: line, text.Letters)).ToArray();
        var headHeight = head.Length == 0 ? 0 : Margin + head.Sum(line => LineHeight(line.Letters));

        PlotFile.Write(path, width, headHeight + Height * rows.Count, canvas =>
        {
            using var pen = new TextPainter(canvas);
            foreach (var (row, charts) in rows.Index())
            {
                var titleLines = charts.Max(chart => TitleLines(pen, chart).Count);
                foreach (var (column, chart) in charts.Index())
                {
                    canvas.Save();
                    canvas.Translate(column * Width, headHeight + row * Height);
                    canvas.ClipRect(SKRect.Create(Width, Height)); // It clears all that it may draw on.
                    Draw(canvas, pen, chart, titleLines);
                    canvas.Restore();
                }
            }

            var baseline = Margin / 2;
            foreach (var (text, letters) in head)
                pen.Write(text, letters, Margin, baseline += LineHeight(letters));
        });
    }

    private static int LineHeight(TextStyle letters) => letters.Size * 4 / 3;

    private static IReadOnlyList<string> TitleLines(TextPainter pen, Chart chart) => pen.Lines(chart.Title, TitleLetters, Width - 2 * Margin);

    private static void Draw(SKCanvas canvas, TextPainter pen, Chart chart, int titleLines)
    {
        var head = Margin / 2 + titleLines * LineHeight(TitleLetters) + LineHeight(AxisLetters) + 18;
        var labels = CurveLabels.Fit(chart, pen, Height - head);

        using var plot = PlotOf(chart, hasLegend: labels is null && chart.Curves.Count > 1);
        plot.Axes.Top.MinimumSize = head;
        plot.Axes.Right.MinimumSize = labels?.Width ?? Margin;
        // Its first drawing finds the layout and may be repeated at once, which an SVG file would keep twice.
        plot.RenderInMemory(Width, Height);
        plot.Render(canvas, Width, Height);

        var baseline = Margin / 2;
        foreach (var line in TitleLines(pen, chart))
            pen.Write(line, TitleLetters, Margin, baseline += LineHeight(TitleLetters));
        pen.Write(chart.YLabel, AxisLetters, Margin, head - 18);
        labels?.Draw(canvas, pen, plot);
    }

    private static Plot PlotOf(Chart chart, bool hasLegend)
    {
        var plot = new Plot();
        plot.Font.Set(Typefaces.Main.FamilyName);
        foreach (var (index, curve) in chart.Curves.Index())
            Add(plot, chart, curve, curve.StyleIndex ?? index);
        plot.XLabel(chart.XLabel, size: AxisLetters.Size);
        plot.Axes.Bottom.Label.Bold = false;
        foreach (var axis in new IAxis[] { plot.Axes.Bottom, plot.Axes.Left })
            axis.TickLabelStyle.FontSize = AxisLetters.Size - 1;
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

    private static void Add(Plot plot, Chart chart, Curve curve, int style)
    {
        var shown = Shown(chart, curve);
        var color = ColorOf(style);

        // Where a value is missing, the line and its band have a gap: a part is a run of neighbours.
        foreach (var part in shown.Index().GroupBy(place => place.Item - place.Index, place => place.Item))
        {
            double[] x = [.. part.Select(place => AtX(chart, curve.X[place]))];
            var line = plot.Add.Scatter(x, At(curve.Y));
            line.Color = color;
            line.LineWidth = !curve.HasLine ? 0 : curve.IsThin ? 1.5f : 3;
            line.MarkerSize = shown.Length switch
            {
                > TooManyPoints => 0,
                > 1 when curve.IsThin => 0,
                > ManyPoints => 5,
                _ => 10,
            };
            line.MarkerShape = Markers[style % Markers.Length];
            line.LinePattern = Lines[style % Lines.Length];
            line.LegendText = chart.Curves.Count > 1 && part.First() == shown[0] ? curve.Name : "";
            if (curve is { HasLine: true, Low: { } low, High: { } high } && x.Length > 1)
            {
                var band = plot.Add.FillY(x, At(low), At(high));
                band.FillColor = color.WithAlpha(0.15);
                band.LineWidth = 0;
                band.MarkerSize = 0;
                band.LegendText = "";
            }

            double[] At(IReadOnlyList<double> values) => [.. part.Select(place => AtY(chart, values[place]))];
        }

        foreach (var place in shown.Where(place => curve.Marks?[place].Length > 0))
        {
            var mark = plot.Add.Text(curve.Marks![place], AtX(chart, curve.X[place]), AtY(chart, curve.Y[place]));
            mark.LabelFontName = Typefaces.Main.FamilyName;
            mark.LabelFontSize = AxisLetters.Size - 4;
            mark.LabelFontColor = color;
            mark.LabelAlignment = Alignment.UpperCenter;
            mark.OffsetY = 8;
        }
    }

    /// <summary>The colour of a curve.</summary>
    /// <param name="style">As <see cref="Curve.StyleIndex"/>.</param>
    public static Color ColorOf(int style) => Colors[style % Colors.Length];

    /// <summary>Which of a curve's points are drawn.</summary>
    public static int[] Shown(Chart chart, Curve curve) =>
        [.. Enumerable.Range(0, curve.X.Count).Where(place => chart.LogY ? curve.Y[place] > 0 : !double.IsNaN(curve.Y[place]))];

    /// <summary>Where a value lies on the horizontal axis as it is drawn.</summary>
    public static double AtX(Chart chart, double x) => chart.LogX ? Math.Log2(x) : x;

    /// <summary>Where a value lies on the vertical axis as it is drawn.</summary>
    public static double AtY(Chart chart, double y) => chart.LogY ? Math.Log10(y) : y;

    private static void ScaleX(Plot plot, Chart chart)
    {
        if (chart.IntegerAxisMax is { } epochs)
        {
            plot.Axes.Bottom.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };
            plot.Axes.Bottom.MinorTickStyle.Length = 0;
            var last = Math.Max(epochs, 2);
            var margin = 0.04 * (last - 1);
            plot.Axes.SetLimitsX(1 - margin, last + margin);
        }

        if (chart.LogX)
        {
            var places = chart.Curves.SelectMany(curve => curve.X).Distinct().Order().ToArray();
            if (places.Length > ManyPoints)
                places = [.. places.Where(place => double.IsInteger(Math.Log2(place)))];
            plot.Axes.Bottom.TickGenerator = new NumericManual(
                [.. places.Select(Math.Log2)], [.. places.Select(place => place.ToString(CultureInfo.InvariantCulture))]);
        }
    }

    // Powers of ten, or where there are not two of them, the ones, twos and fives between.
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
        return new NumericManual([.. values.Select(Math.Log10)], [.. values.Select(value => value.ToString("G3", CultureInfo.InvariantCulture))]);
    }

    // In the corner that most curves do not end in.
    private static void ShowLegend(Plot plot, Chart chart)
    {
        plot.Legend.FontSize = AxisLetters.Size - 3;
        var range = plot.Axes.GetLimits().YRange;
        double[] ends = [.. chart.Curves.Select(curve => (curve, shown: Shown(chart, curve))).Where(curve => curve.shown.Length > 0).Select(curve => AtY(chart, curve.curve.Y[curve.shown[^1]]))];
        plot.ShowLegend(ends.Length == 0 || ends.Average() > range.Center ? Alignment.LowerRight : Alignment.UpperRight);
    }
}
