using System.Globalization;
using MnistCnn.Experiments;
using ScottPlot;
using ScottPlot.Palettes;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace MnistCnn.Reporting;

/// <summary>Draws charts. Colours, dashes and markers tell the curves apart, so that they can be read in grey too.</summary>
internal static class ChartPlot
{
    /// <summary>The size of one chart, in pixels.</summary>
    public const int Width = 800, Height = 500;

    // Curves of more points than this have smaller ones.
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

    /// <summary>Draws charts side by side into one picture.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="Picture.Endings"/>.</param>
    /// <param name="charts">From left to right.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Draw(string path, params IReadOnlyList<Chart> charts) => Draw(path, [charts]);

    /// <summary>Draws charts into one picture, row by row.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="Picture.Endings"/>.</param>
    /// <param name="rows">From top to bottom; each from left to right.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Draw(string path, IReadOnlyList<IReadOnlyList<Chart>> rows)
    {
        Picture.Write(path, Width * rows.Max(row => row.Count), Height * rows.Count, canvas =>
        {
            foreach (var (row, charts) in rows.Index())
            {
                foreach (var (column, chart) in charts.Index())
                {
                    // Its first drawing finds the layout and may be repeated at once, which an SVG file would keep twice.
                    using var plot = PlotOf(chart);
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

    private static Plot PlotOf(Chart chart)
    {
        var plot = new Plot();
        foreach (var (index, curve) in chart.Curves.Index())
            Add(plot, chart, curve, index);
        Style(plot, chart.Title, chart.XLabel, chart.YLabel);
        plot.Axes.AutoScale();
        if (chart.Epochs is { } epochs)
        {
            plot.Axes.Bottom.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };
            plot.Axes.Bottom.MinorTickStyle.Length = 0;
            plot.Axes.SetLimitsX(0.5, Math.Max(epochs, 2) + 0.5);
        }

        if (chart.LogX)
        {
            var places = chart.Curves.SelectMany(curve => curve.X).Distinct().Order().ToArray();
            if (places.Length > ManyPoints)
                places = [.. places.Where(place => double.IsInteger(Math.Log2(place)))];
            plot.Axes.Bottom.TickGenerator = new NumericManual(
                [.. places.Select(Math.Log2)], [.. places.Select(place => place.ToString(CultureInfo.InvariantCulture))]);
        }

        if (chart.YLimits is { } limits)
            plot.Axes.SetLimitsY(AtY(chart, limits.Low), AtY(chart, limits.High));
        if (chart.LogY)
            plot.Axes.Left.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true, LabelFormatter = PowerOfTen, TickDensity = 0.6 };
        if (chart.Curves.Count > 1 && chart.Legend == LegendPlace.Beside)
            plot.ShowLegend(Edge.Right);
        else if (chart.Curves.Count > 1)
            plot.ShowLegend(chart.Legend == LegendPlace.LowerRight ? Alignment.LowerRight : Alignment.UpperRight);
        return plot;
    }

    private static void Add(Plot plot, Chart chart, Curve curve, int index)
    {
        var shown = Enumerable.Range(0, curve.X.Count).Where(place => !chart.LogY || curve.Y[place] > 0).ToArray();
        double[] x = [.. shown.Select(place => chart.LogX ? Math.Log2(curve.X[place]) : curve.X[place])];
        var line = plot.Add.Scatter(x, At(curve.Y));
        line.Color = Colors[index % Colors.Length];
        if (curve is { Low: { } low, High: { } high } && shown.Length > 1)
        {
            var band = plot.Add.FillY(x, At(low), At(high));
            band.FillColor = line.Color.WithAlpha(0.2);
            band.LineWidth = 0;
            band.MarkerSize = 0;
            band.LegendText = "";
        }

        line.LineWidth = 2;
        line.MarkerSize = shown.Length > ManyPoints ? 4 : 8;
        line.MarkerShape = Markers[index % Markers.Length];
        line.LinePattern = Lines[index % Lines.Length];
        line.LegendText = chart.Curves.Count > 1 ? curve.Name : "";

        double[] At(IReadOnlyList<double> values) => [.. shown.Select(place => AtY(chart, values[place]))];
    }

    private static double AtY(Chart chart, double y) => chart.LogY ? Math.Log10(y) : y;

    private static string PowerOfTen(double exponent) =>
        "10" + string.Concat($"{Math.Round(exponent)}".Select(character => character == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹"[character - '0']));
}
