namespace MnistCnn.Benchmarks;

/// <summary>A quantity that was measured several times.</summary>
/// <param name="Unit">Unit of the values; empty for a ratio.</param>
/// <param name="Goal">Upper limit of the median, or lower limit with <paramref name="AtLeast"/>.</param>
public sealed record Figure(string Name, string Unit, IReadOnlyList<double> Values, double? Goal = null, bool AtLeast = false)
{
    public double Median => InProcess.Median(Values);

    public string GoalText => Goal is { } goal ? $"{(AtLeast ? "at least" : "at most")} {goal} {Unit}".TrimEnd() : "";

    public string Text(double value) => $"{value.ToString(Math.Abs(value) < 10 || Unit == "%" ? "F2" : "F0")} {Unit}".TrimEnd();
}
