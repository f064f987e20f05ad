using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace MnistCnn.Charts;

/// <summary>Formats numbers for tables, titles and verdicts.</summary>
internal static class Wording
{
    public static string Number(long number) => $"{number:N0}";

    /// <summary>Formats a count with its unit: "1 epoch", "2 epochs".</summary>
    public static string Plural(int number, string unit) => $"{number} {unit}{(number == 1 ? "" : "s")}";

    /// <summary>Formats a power of ten: "10⁻²⁷".</summary>
    public static string PowerOfTen(double exponent) =>
        "10" + string.Concat($"{Math.Round(exponent)}".Select(character => character == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹"[character - '0']));

    public static string MeanAndDeviationHeading(string quantity) => $"{quantity} (%), mean ± SD";

    /// <summary>Formats mean and sample standard deviation: "98.50 ± 0.12". One value has no deviation.</summary>
    public static string MeanAndDeviation(IEnumerable<double> values)
    {
        double[] all = [.. values];
        return all.Length switch
        {
            0 => "",
            1 => $"{all[0]:F2}",
            _ => $"{all.Average():F2} ± {all.StandardDeviation():F2}",
        };
    }
}

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
