using System.Text.Json.Serialization;
using MathNet.Numerics.Statistics;

namespace MnistCnn.Benchmarks;

/// <summary>A quantity that was measured several times.</summary>
/// <param name="Unit">Unit of the values; empty for a ratio.</param>
/// <param name="Goal">Upper limit of the median, or lower limit with <paramref name="AtLeast"/>.</param>
internal sealed record Figure(string Name, string Unit, IReadOnlyList<double> Values, double? Goal = null, bool AtLeast = false)
{
    public double Median => Values.Median();

    [JsonIgnore]
    public string GoalText => Goal is { } goal ? $"{(AtLeast ? "at least" : "at most")} {goal} {Unit}".TrimEnd() : "";

    [JsonIgnore]
    public string Range => $"{FormatNumber(Values.Min())} to {Text(Values.Max())}";

    [JsonIgnore]
    public string MedianText => Text(Median);

    private string Text(double value) => $"{FormatNumber(value)} {Unit}".TrimEnd();

    // Two decimals of ratios and percentages, one decimal of other numbers below 100.
    private string FormatNumber(double value) => value.ToString(Unit is "" or "%" ? "F2" : Math.Abs(value) < 100 ? "F1" : "F0");
}
