using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace MnistCnn.Charts;

/// <summary>Confidence interval of a mean over seeds, by Student's t distribution.</summary>
internal static class ConfidenceInterval
{
    public const double Level = 0.95;

    public static string Heading => $"{100 * Level} % CI";

    /// <summary>Returns half the width of the interval around the mean; null for fewer than two values.</summary>
    public static double? HalfWidth(IReadOnlyCollection<double> values) => values.Count < 2
        ? null
        : StudentT.InvCDF(0, 1, freedom: values.Count - 1, p: (1 + Level) / 2) * values.StandardDeviation() / Math.Sqrt(values.Count);
}
