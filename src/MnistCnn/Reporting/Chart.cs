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

    private static readonly MarkerShape[] Markers =
        [MarkerShape.FilledCircle, MarkerShape.OpenSquare, MarkerShape.FilledDiamond, MarkerShape.OpenTriangleUp];

    private static readonly LinePattern[] Lines =
        [LinePattern.Solid, LinePattern.Dashed, LinePattern.Dotted, LinePattern.DenselyDashed];

    /// <summary>How many epochs the horizontal axis shows, where these lie on it.</summary>
    public int? Epochs { get; init; }

    /// <summary>The corner that the legend stands in.</summary>
    public Alignment Legend { get; init; } = Alignment.LowerRight;

    /// <summary>Draws charts side by side into one picture.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="Picture.Endings"/>.</param>
    /// <param name="charts">From left to right.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Draw(string path, params IReadOnlyList<Chart> charts)
    {
        Picture.Write(path, Width * charts.Count, Height, canvas =>
        {
            foreach (var (index, chart) in charts.Index())
            {
                // Its first drawing finds the layout and may be repeated at once, which an SVG file would keep twice.
                using var plot = chart.Plot();
                plot.RenderInMemory(Width, Height);
                canvas.Save();
                canvas.ClipRect(SKRect.Create(index * Width, 0, Width, Height)); // It clears all that it may draw on.
                plot.Render(canvas, new PixelRect(index * Width, (index + 1) * Width, Height, 0));
                canvas.Restore();
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
        plot.Add.Palette = new ColorblindFriendly();
        foreach (var (index, curve) in Curves.Index())
        {
            var line = plot.Add.Scatter(curve.X.ToArray(), curve.Y.ToArray());
            line.LineWidth = 2;
            line.MarkerSize = 8;
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

        if (Curves.Count > 1)
            plot.ShowLegend(Legend);
        return plot;
    }
}
