using MnistCnn.Charts;
using ScottPlot;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

/// <summary>The names of a chart's curves to the right of it, each joined to the end of its curve.</summary>
internal sealed class CurveLabels
{
    private const int LineHeight = 24;
    private const int LeaderWidth = 34, Gap = 6, RightMargin = 16;
    private const int WidestName = 300;
    private const float DotRadius = 0.9f, DotGap = 6;

    private static readonly TextStyle Letters = new(19);

    private readonly Chart chart;

    private CurveLabels(Chart chart, float widestName) => (this.chart, Width) = (chart, LeaderWidth + Gap + widestName + RightMargin);

    /// <summary>How much room they take to the right of the chart, in pixels.</summary>
    public float Width { get; }

    /// <summary>The labels of a chart of several curves, or null where there is no room for them, or no need.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="pen">What will write them.</param>
    /// <param name="height">How high the chart is without its title, in pixels.</param>
    public static CurveLabels? Fit(Chart chart, TextPainter pen, int height)
    {
        string[] names = [.. chart.Curves.Select(curve => curve.Name).Where(name => name.Length > 0)];
        if (chart.Curves.Count < 2 || names.Length == 0)
            return null;
        var widest = names.Max(name => pen.Width(name, Letters));
        return widest > WidestName || names.Length * LineHeight > height - 100 ? null : new CurveLabels(chart, widest);
    }

    /// <summary>Writes them beside a plot that is drawn.</summary>
    public void Draw(SKCanvas canvas, TextPainter pen, Plot plot)
    {
        var area = plot.LastRender.DataRect;
        var ends = (
            from place in chart.Curves.Index()
            let shown = ChartPlot.Shown(chart, place.Item)
            where place.Item.Name.Length > 0 && shown.Length > 0
            let end = plot.GetPixel(new Coordinates(ChartPlot.AtX(chart, place.Item.X[shown[^1]]), ChartPlot.AtY(chart, place.Item.Y[shown[^1]])))
            orderby end.Y
            select (place.Item.Name, Style: place.Item.StyleIndex ?? place.Index, End: end)).ToArray();
        var middles = Spread([.. ends.Select(curve => curve.End.Y)], LineHeight, area.Top, area.Bottom);
        foreach (var ((name, style, end), middle) in ends.Zip(middles))
        {
            using var paint = Leader(style);
            // Dots, lest it be taken for a part of the curve.
            for (var x = end.X + 9; x < area.Right; x += DotGap)
                canvas.DrawCircle(x, end.Y, DotRadius, paint);
            canvas.DrawLine(area.Right + 4, end.Y, area.Right + LeaderWidth, middle, paint);
            pen.Write(name, Letters, area.Right + LeaderWidth + Gap, middle + Letters.Size * TextPainter.MiddleToBaseline);
        }
    }

    /// <summary>Moves places apart, each as little as can be, so that no two are nearer than a gap.</summary>
    /// <param name="places">In ascending order.</param>
    /// <param name="gap">How far they are to be apart.</param>
    /// <param name="low">The lowest place that one may have.</param>
    /// <param name="high">The highest.</param>
    public static IReadOnlyList<float> Spread(IReadOnlyList<float> places, float gap, float low, float high)
    {
        // Neighbours that would be too near become a group, which stands around its mean.
        List<(float Sum, int Count)> groups = [];
        foreach (var place in places)
        {
            groups.Add((place, 1));
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

    private static SKPaint Leader(int style)
    {
        var color = ChartPlot.ColorOf(style);
        return new SKPaint { Color = new SKColor(color.Red, color.Green, color.Blue), StrokeWidth = 1.5f, IsAntialias = true };
    }
}
