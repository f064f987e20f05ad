namespace MnistCnn.Reporting;

/// <summary>A line of a chart.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="X">Where its points lie.</param>
/// <param name="Y">Their values, as many.</param>
public sealed record Curve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>A line with a value for each epoch, from the first.</summary>
    public static Curve OverEpochs(string name, IEnumerable<double> values) =>
        new(name, [.. values.Select((_, index) => index + 1.0)], [.. values]);
}
