using System.Globalization;

namespace MnistCnn.Benchmarks;

/// <summary>Something that was measured several times.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Unit">Its unit, or nothing for a ratio.</param>
/// <param name="Values">What was measured.</param>
/// <param name="Goal">What its median should not exceed.</param>
/// <param name="AtLeast">Whether the median should not be below the goal instead.</param>
public sealed record Figure(string Name, string Unit, IReadOnlyList<double> Values, double? Goal = null, bool AtLeast = false)
{
    /// <summary>The middle one of the values.</summary>
    public double Median => InProcess.Median(Values);

    /// <summary>The goal in words.</summary>
    public string GoalText => Goal is { } goal ? $"{(AtLeast ? "from" : "to")} {goal.ToString(CultureInfo.InvariantCulture)} {Unit}".TrimEnd() : "";

    /// <summary>A value with its unit.</summary>
    public string Text(double value) => $"{value.ToString(Math.Abs(value) < 10 || Unit == "%" ? "F2" : "F0", CultureInfo.InvariantCulture)} {Unit}".TrimEnd();
}
