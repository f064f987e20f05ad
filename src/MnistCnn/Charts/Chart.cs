using MathNet.Numerics.Statistics;

namespace MnistCnn.Charts;

/// <summary>Curves over common axes.</summary>
/// <param name="Title">The line above: what there is to be seen.</param>
/// <param name="XLabel">What lies on the horizontal axis, with its unit.</param>
/// <param name="YLabel">What lies on the vertical axis, with its unit.</param>
/// <param name="Curves">What to draw; where there are several, their names stand at their ends.</param>
internal sealed record Chart(string Title, string XLabel, string YLabel, IReadOnlyList<Curve> Curves)
{
    /// <summary>What the vertical axis of test accuracies is called.</summary>
    public const string AccuracyLabel = "Accuracy on the test images (%)";

    /// <summary>How many epochs the horizontal axis shows, where these lie on it.</summary>
    public int? Epochs { get; init; }

    /// <summary>Whether the horizontal axis is logarithmic, with a tick at each place where there are values.</summary>
    public bool LogX { get; init; }

    /// <summary>Whether the vertical axis is logarithmic. Values that are not above 0 are left out, and leave a gap.</summary>
    public bool LogY { get; init; }
}

/// <summary>A line of a chart.</summary>
/// <param name="Name">What stands at its end, where there are several; nothing of a line that says by its <see cref="Style"/> what it is.</param>
/// <param name="X">Where its points lie.</param>
/// <param name="Y">Their values, as many; NaN leaves a gap in the line.</param>
internal sealed record Curve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>The lower edge of a band around the line, as many values, or null.</summary>
    public IReadOnlyList<double>? Low { get; init; }

    /// <summary>Its upper edge.</summary>
    public IReadOnlyList<double>? High { get; init; }

    /// <summary>Whether the line is thin, without markers.</summary>
    public bool IsThin { get; init; }

    /// <summary>Whether a line joins the points: not over names, such as seeds, of which none lies between two others.</summary>
    public bool HasLine { get; init; } = true;

    /// <summary>Texts at the points, one per point, or null; an empty text draws nothing.</summary>
    public IReadOnlyList<string>? Marks { get; init; }

    /// <summary>Which colour, dashes and markers it has, from 0, or null for those of its place among the chart's curves.</summary>
    public int? Style { get; init; }

    /// <summary>Its value at a place, or null where it has no point there.</summary>
    public double? At(double x) => X.Zip(Y).Where(point => point.First == x).Select(point => (double?)point.Second).SingleOrDefault();

    /// <summary>A line with a value for each epoch, from the first.</summary>
    public static Curve OverEpochs(string name, IEnumerable<double> values) =>
        new(name, [.. values.Select((_, index) => index + 1.0)], [.. values]);

    /// <summary>The mean of what was measured several times at each place, with a band from the lowest to the highest.</summary>
    public static Curve Mean(string name, IEnumerable<(double X, double Y)> points) => Average(name, points, Enumerable.Average);

    /// <summary>As <see cref="Mean"/>, with the geometric mean: for ratios and for logarithmic axes.</summary>
    public static Curve GeometricMean(string name, IEnumerable<(double X, double Y)> points) =>
        Average(name, points, Statistics.GeometricMean);

    private static Curve Average(string name, IEnumerable<(double X, double Y)> points, Func<IEnumerable<double>, double> average)
    {
        var places = points.GroupBy(point => point.X, point => point.Y).OrderBy(place => place.Key).ToArray();
        return new Curve(name, [.. places.Select(place => place.Key)], [.. places.Select(average)])
        {
            Low = [.. places.Select(place => place.Min())],
            High = [.. places.Select(place => place.Max())],
        };
    }
}
