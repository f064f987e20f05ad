using System.Globalization;
using ScottPlot;
using ScottPlot.Palettes;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace MnistCnn.Reporting;

/// <summary>Curves over common axes. Colours, dashes and markers tell them apart, so that they can be read in grey too.</summary>
/// <param name="Title">The line above.</param>
/// <param name="XLabel">What lies on the horizontal axis, with its unit.</param>
/// <param name="YLabel">What lies on the vertical axis, with its unit.</param>
/// <param name="Curves">What to draw; a legend names them where there are several.</param>
public sealed record Chart(string Title, string XLabel, string YLabel, IReadOnlyList<Curve> Curves)
{
    /// <summary>The size of one chart, in pixels.</summary>
    public const int Width = 800, Height = 500;

    // From so many points on, they have to be smaller.
    private const int ManyPoints = 20;

    // Without its yellow, which is hard to see on white.
    private static readonly Color[] Colors = [.. new ColorblindFriendly().Colors.Where((_, index) => index != 4)];

    private static readonly MarkerShape[] Markers =
    [
        MarkerShape.FilledCircle, MarkerShape.OpenSquare, MarkerShape.FilledDiamond, MarkerShape.OpenTriangleUp, MarkerShape.Cross,
        MarkerShape.OpenCircle,
    ];

    private static readonly LinePattern[] Lines =
        [LinePattern.Solid, LinePattern.Dashed, LinePattern.Dotted, LinePattern.DenselyDashed];

    /// <summary>How many epochs the horizontal axis shows, where these lie on it.</summary>
    public int? Epochs { get; init; }

    /// <summary>Whether the horizontal axis is logarithmic, with a tick at each place where there are values.</summary>
    public bool LogX { get; init; }

    /// <summary>Whether the vertical axis is logarithmic, with a tick at powers of ten. What is not above 0 is left out.</summary>
    public bool LogY { get; init; }

    /// <summary>Where the vertical axis begins and ends, or null for where the curves do.</summary>
    public (double Low, double High)? YLimits { get; init; }

    /// <summary>The corner that the legend stands in, or null for beside the chart.</summary>
    public Alignment? Legend { get; init; } = Alignment.LowerRight;

    /// <summary>Draws charts side by side into one picture.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="Picture.Endings"/>.</param>
    /// <param name="charts">From left to right.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Draw(string path, params IReadOnlyList<Chart> charts) => Draw(path, [charts]);

    /// <summary>Draws charts into one picture, row by row.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="Picture.Endings"/>.</param>
    /// <param name="rows">From top to bottom; each from left to right.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Draw(string path, IReadOnlyList<IReadOnlyList<Chart>> rows)
    {
        Picture.Write(path, Width * rows.Max(row => row.Count), Height * rows.Count, canvas =>
        {
            foreach (var (row, charts) in rows.Index())
            {
                foreach (var (column, chart) in charts.Index())
                {
                    // Its first drawing finds the layout and may be repeated at once, which an SVG file would keep twice.
                    using var plot = chart.Plot();
                    plot.RenderInMemory(Width, Height);
                    canvas.Save();
                    canvas.ClipRect(SKRect.Create(column * Width, row * Height, Width, Height)); // It clears all that it may draw on.
                    plot.Render(canvas, new PixelRect(column * Width, (column + 1) * Width, (row + 1) * Height, row * Height));
                    canvas.Restore();
                }
            }
        });
    }

    /// <summary>Gives a plot the title, labels and fonts that all of this program's have.</summary>
    public static void Style(Plot plot, string title, string xLabel, string yLabel)
    {
        plot.Font.Set(Picture.Font);
        plot.Title(title, size: 20);
        plot.XLabel(xLabel, size: 16);
        plot.YLabel(yLabel, size: 16);
        plot.Axes.Bottom.TickLabelStyle.FontSize = 14;
        plot.Axes.Left.TickLabelStyle.FontSize = 14;
        plot.Axes.Left.MinimumSize = 80;
        plot.Legend.FontSize = 14;
    }

    private Plot Plot()
    {
        var plot = new Plot();
        foreach (var (index, curve) in Curves.Index())
        {
            var shown = Enumerable.Range(0, curve.X.Count).Where(place => !LogY || curve.Y[place] > 0).ToArray();
            double[] x = [.. shown.Select(place => AtX(curve.X[place]))];
            var line = plot.Add.Scatter(x, [.. shown.Select(place => AtY(curve.Y[place]))]);
            line.Color = Colors[index % Colors.Length];
            if (curve is { Low: { } low, High: { } high } && shown.Length > 1)
            {
                var band = plot.Add.FillY(x, [.. shown.Select(place => AtY(low[place]))], [.. shown.Select(place => AtY(high[place]))]);
                band.FillColor = line.Color.WithAlpha(0.2);
                band.LineWidth = 0;
                band.MarkerSize = 0;
                band.LegendText = "";
            }

            line.LineWidth = 2;
            line.MarkerSize = shown.Length > ManyPoints ? 4 : 8;
            line.MarkerShape = Markers[index % Markers.Length];
            line.LinePattern = Lines[index % Lines.Length];
            line.LegendText = Curves.Count > 1 ? curve.Name : "";
        }

        Style(plot, Title, XLabel, YLabel);
        plot.Axes.AutoScale();
        if (Epochs is { } epochs)
        {
            plot.Axes.Bottom.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };
            plot.Axes.Bottom.MinorTickStyle.Length = 0;
            plot.Axes.SetLimitsX(0.5, Math.Max(epochs, 2) + 0.5);
        }

        if (LogX)
        {
            var places = Curves.SelectMany(curve => curve.X).Distinct().Order().ToArray();
            if (places.Length > ManyPoints)
                places = [.. places.Where(place => double.IsInteger(Math.Log2(place)))];
            plot.Axes.Bottom.TickGenerator = new NumericManual(
                [.. places.Select(AtX)], [.. places.Select(place => place.ToString(CultureInfo.InvariantCulture))]);
        }

        if (YLimits is { } limits)
            plot.Axes.SetLimitsY(AtY(limits.Low), AtY(limits.High));
        if (LogY)
            plot.Axes.Left.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true, LabelFormatter = PowerOfTen, TickDensity = 0.6 };
        if (Curves.Count > 1)
        {
            if (Legend is { } corner)
                plot.ShowLegend(corner);
            else
                plot.ShowLegend(Edge.Right);
        }

        return plot;
    }

    private double AtX(double x) => LogX ? Math.Log2(x) : x;

    private double AtY(double y) => LogY ? Math.Log10(y) : y;

    private static string PowerOfTen(double exponent) =>
        "10" + string.Concat($"{Math.Round(exponent)}".Select(character => character == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹"[character - '0']));
}
