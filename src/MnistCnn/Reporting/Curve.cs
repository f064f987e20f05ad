namespace MnistCnn.Reporting;

/// <summary>A line of a chart.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="X">Where its points lie.</param>
/// <param name="Y">Their values, as many.</param>
public sealed record Curve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>The lower edge of a band around the line, as many values, or null.</summary>
    public IReadOnlyList<double>? Low { get; init; }

    /// <summary>Its upper edge.</summary>
    public IReadOnlyList<double>? High { get; init; }

    /// <summary>A line with a value for each epoch, from the first.</summary>
    public static Curve OverEpochs(string name, IEnumerable<double> values) =>
        new(name, [.. values.Select((_, index) => index + 1.0)], [.. values]);

    /// <summary>The mean of what was measured several times at each place, with a band from the lowest to the highest.</summary>
    public static Curve Mean(string name, IEnumerable<(double X, double Y)> points)
    {
        var places = points.GroupBy(point => point.X, point => point.Y).OrderBy(place => place.Key).ToArray();
        return new Curve(name, [.. places.Select(place => place.Key)], [.. places.Select(place => place.Average())])
        {
            Low = [.. places.Select(place => place.Min())],
            High = [.. places.Select(place => place.Max())],
        };
    }
}
