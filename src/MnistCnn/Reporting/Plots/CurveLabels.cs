using MnistCnn.Charts;
using ScottPlot;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

/// <summary>Labels of curves to the right of their chart, each joined to the end of its curve. Sizes and positions are in pixels.</summary>
internal sealed class CurveLabels
{
    private const int LineHeight = 24, LeaderWidth = 34, Gap = 6, RightMargin = 16, MaxNameWidth = 300;
    private const float DotRadius = 0.9f, DotGap = 6;

    private static readonly TextStyle Style = new(19);

    private readonly Chart chart;

    private CurveLabels(Chart chart, float widestName) => (this.chart, Width) = (chart, LeaderWidth + Gap + widestName + RightMargin);

    /// <summary>Space needed to the right of the chart.</summary>
    public float Width { get; }

    /// <summary>Creates the labels of a chart with several curves. Returns null if they do not fit or are not needed.</summary>
    /// <param name="height">Height of the chart without its title.</param>
    public static CurveLabels? Create(Chart chart, TextPainter painter, int height)
    {
        string[] names = [.. chart.Curves.Select(curve => curve.Name).Where(name => name.Length > 0)];
        if (chart.Curves.Count < 2 || names.Length == 0)
            return null;
        var widest = names.Max(name => painter.Width(name, Style));
        return widest > MaxNameWidth || names.Length * LineHeight > height - 100 ? null : new CurveLabels(chart, widest);
    }

    /// <summary>Draws the labels; the plot must have been rendered.</summary>
    public void Draw(SKCanvas canvas, TextPainter painter, Plot plot)
    {
        var area = plot.LastRender.DataRect;
        var ends = (
            from item in chart.Curves.Index()
            let curve = item.Item
            let drawn = ChartPlot.DrawnPoints(chart, curve)
            where curve.Name.Length > 0 && drawn.Length > 0
            let end = plot.GetPixel(new Coordinates(ChartPlot.AxisX(chart, curve.X[drawn[^1]]), ChartPlot.AxisY(chart, curve.Y[drawn[^1]])))
            orderby end.Y
            select (curve.Name, StyleIndex: curve.StyleIndex ?? item.Index, End: end)).ToArray();
        var middles = Spread([.. ends.Select(curve => curve.End.Y)], LineHeight, area.Top, area.Bottom);
        foreach (var ((name, styleIndex, end), middle) in ends.Zip(middles))
        {
            var color = ChartPlot.ColorOf(styleIndex);
            using var paint = new SKPaint { StrokeWidth = 1.5f, IsAntialias = true };
            paint.Color = new SKColor(color.Red, color.Green, color.Blue);
            // Dotted, so that the leader does not look like a part of the curve.
            for (var x = end.X + 9; x < area.Right; x += DotGap)
                canvas.DrawCircle(x, end.Y, DotRadius, paint);
            canvas.DrawLine(area.Right + 4, end.Y, area.Right + LeaderWidth, middle, paint);
            painter.Draw(name, Style, area.Right + LeaderWidth + Gap, middle + Style.Size * TextPainter.MiddleToBaseline);
        }
    }

    /// <summary>Moves positions apart, as little as possible, until neighbours have a minimum distance.</summary>
    /// <param name="positions">In ascending order.</param>
    public static IReadOnlyList<float> Spread(IReadOnlyList<float> positions, float gap, float low, float high)
    {
        // Neighbours that are too close become a group, centred on its mean.
        List<(float Sum, int Count)> groups = [];
        foreach (var position in positions)
        {
            groups.Add((position, 1));
            while (groups.Count > 1 && First(groups[^1]) - First(groups[^2]) < groups[^2].Count * gap)
            {
                groups[^2] = (groups[^2].Sum + groups[^1].Sum, groups[^2].Count + groups[^1].Count);
                groups.RemoveAt(groups.Count - 1);
            }
        }

        return [.. groups.SelectMany(group => Enumerable.Range(0, group.Count).Select(index => First(group) + index * gap))];

        float First((float Sum, int Count) group)
        {
            var length = (group.Count - 1) * gap;
            return Math.Max(low, Math.Min(high - length, group.Sum / group.Count - length / 2));
        }
    }
}
