using MathNet.Numerics.Distributions;
using ScottPlot.Statistics;

namespace MnistCnn.Experiments;

/// <summary>Where the mean of a quantity lies that was measured with several seeds.</summary>
internal static class ConfidenceInterval
{
    /// <summary>How often the interval holds the mean of all seeds there could be.</summary>
    public const double Level = 0.95;

    /// <summary>Table heading: "95 % CI".</summary>
    public static string Heading => $"{100 * Level} % CI";

    /// <summary>Half of the width of the interval around the mean, by Student's t; null of fewer than two values.</summary>
    public static double? HalfWidth(IReadOnlyCollection<double> values) => values.Count < 2
        ? null
        : StudentT.InvCDF(location: 0, scale: 1, freedom: values.Count - 1, p: (1 + Level) / 2) * Descriptive.StandardDeviation([.. values]) / Math.Sqrt(values.Count);
}
