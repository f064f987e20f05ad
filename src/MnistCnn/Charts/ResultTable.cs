using ScottPlot.Statistics;

namespace MnistCnn.Charts;

/// <summary>A table of results: the first column says what a row is of.</summary>
/// <param name="Headings">The columns' names.</param>
/// <param name="Rows">Their texts, as many in each row.</param>
internal sealed record ResultTable(IReadOnlyList<string> Headings, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    /// <summary>Heading of a column of <see cref="Percent"/>, which says that the figure behind ± is the standard deviation.</summary>
    public static string PercentHeading(string what) => $"{what} (%), mean ± SD";

    /// <summary>A whole number with separators.</summary>
    public static string Text(long number) => $"{number:N0}";

    /// <summary>A power of ten: "10⁻²⁷".</summary>
    public static string PowerOfTen(double exponent) =>
        "10" + string.Concat($"{Math.Round(exponent)}".Select(character => character == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹"[character - '0']));

    /// <summary>"1 epoch", "2 epochs".</summary>
    public static string Count(int number, string unit) => $"{number} {unit}{(number == 1 ? "" : "s")}";

    /// <summary>Where one percentage stands to another: "1.47 points above", "level with".</summary>
    /// <param name="points">How much higher it is.</param>
    public static string Distance(double points) => $"{Math.Abs(points):F2}" is var text && text == "0.00"
        ? "level with"
        : $"{text} points {(points > 0 ? "above" : "below")}";

    /// <summary>The mean of some percentages, without the sign, and their standard deviation where there are several; nothing of none.</summary>
    public static string Percent(IEnumerable<double> values)
    {
        double[] all = [.. values];
        return all.Length switch
        {
            0 => "",
            1 => $"{all[0]:F2}",
            _ => $"{all.Average():F2} ± {Descriptive.StandardDeviation(all):F2}",
        };
    }
}
