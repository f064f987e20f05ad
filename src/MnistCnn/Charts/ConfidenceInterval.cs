using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace MnistCnn.Charts;

/// <summary>Confidence interval of a mean over seeds, by Student's t distribution.</summary>
internal static class ConfidenceInterval
{
    /// <summary>Probability that the interval covers the true mean.</summary>
    public const double Level = 0.95;

    /// <summary>Table heading: "95 % CI".</summary>
    public static string Heading => $"{100 * Level} % CI";

    /// <summary>Returns half the width of the interval around the mean; null for fewer than two values.</summary>
    public static double? HalfWidth(IReadOnlyCollection<double> values) => values.Count < 2
        ? null
        : StudentT.InvCDF(location: 0, scale: 1, freedom: values.Count - 1, p: (1 + Level) / 2)
            * values.StandardDeviation() / Math.Sqrt(values.Count);
}
