using MnistCnn.Charts;

namespace MnistCnn.Experiments;

/// <summary>
/// A comparison that a claim states: the subject is above the reference, by more than a bound. It has one value per seed, their mean, and
/// the 95 % confidence interval of the mean over the seeds. Ratios are averaged as logarithms. With one seed there is no interval.
/// </summary>
/// <remarks>Create it with <see cref="Difference"/> or <see cref="Ratio"/>.</remarks>
/// <param name="Subject">Start of the sentence: "Residual ends".</param>
/// <param name="Reference">End of the sentence, after the value: "Plain".</param>
/// <param name="Bound">Lower bound that the claim states; without a stated bound, 0 percentage points or 1 times.</param>
/// <param name="Mean">Arithmetic mean of differences, geometric mean of ratios; null without a seed.</param>
/// <param name="Low">Lower end of the interval; null for fewer than two seeds.</param>
/// <param name="High">Upper end of the interval; null for fewer than two seeds.</param>
internal sealed record Effect(
    string Subject, string Reference, EffectUnit Unit, double Bound, IReadOnlyList<double> Values, double? Mean = null, double? Low = null,
    double? High = null)
{
    /// <summary>Name of one repetition: the intervals cover the variation between these, and nothing else.</summary>
    public string Repetition { get; init; } = "seed";

    /// <summary>Supported if the whole interval is above the bound, not supported if it is below, inconclusive otherwise.</summary>
    public VerdictOutcome Outcome =>
        Low > Bound ? VerdictOutcome.Supported : High < Bound ? VerdictOutcome.NotSupported : VerdictOutcome.Inconclusive;

    /// <summary>
    /// Distance of the mean above the bound, divided by half of the interval's width: above 1 for a supported effect, below -1 for one
    /// that is not supported, 0 without an interval.
    /// </summary>
    [JsonIgnore]
    public double StandardizedMargin =>
        Mean is { } mean && High is { } high && ToScale(Unit, mean) - ToScale(Unit, Bound) is not 0 and var margin
            ? margin / (ToScale(Unit, high) - ToScale(Unit, mean))
            : 0;

    /// <summary>The comparison as a sentence: "Residual ends 0.40 percentage points above Plain, 95 % CI 0.20 to 0.60, 5 seeds".</summary>
    [JsonIgnore]
    public string Finding
    {
        get
        {
            if (Mean is not { } mean)
                return $"{Subject} {(Unit == EffectUnit.Ratio ? "how many times" : "how far above")} {Reference}: not measured yet";
            var value = Unit == EffectUnit.Ratio
                ? $"{Format(mean)} times"
                : $"{Math.Abs(mean):F2} percentage points {(mean < 0 ? "below" : "above")}";
            var (low, high) = Unit == EffectUnit.PercentagePoints && mean < 0 ? (-High, -Low) : (Low, High); // of "below"
            var interval = low is null ? "" : $", {ConfidenceInterval.Heading} {Format(low.Value)} to {Format(high!.Value)}";
            return $"{Subject} {value} {Reference}{interval}, {Wording.Plural(Values.Count, Repetition)}";
        }
    }

    /// <summary>Subtracts two percentages per seed. Seeds that only one of them has are ignored.</summary>
    /// <param name="bound">Percentage points that the claim says are between them.</param>
    public static Effect Difference(
        string subject, string reference, IEnumerable<(long Seed, double Percent)> higher, IEnumerable<(long Seed, double Percent)> lower,
        double bound = 0) =>
        Estimate(new Effect(
            subject, reference, EffectUnit.PercentagePoints, bound, [.. Pair(higher, lower).Select(pair => pair.First - pair.Second)]));

    /// <summary>Divides two positive quantities per seed. Seeds that only one of them has are ignored.</summary>
    /// <param name="bound">Ratio that the claim says is exceeded.</param>
    public static Effect Ratio(
        string subject, string reference, IEnumerable<(long Seed, double Value)> larger, IEnumerable<(long Seed, double Value)> smaller,
        double bound = 1) =>
        Estimate(new Effect(
            subject, reference, EffectUnit.Ratio, bound, [.. Pair(larger, smaller).Select(pair => pair.First / pair.Second)]));

    /// <summary>Returns <see cref="Finding"/> and the bound, if the claim states one.</summary>
    public override string ToString() =>
        Mean is null || Bound == (Unit == EffectUnit.Ratio ? 1 : 0) ? Finding : $"{Finding}; claimed: above {Bound:#,0.###}";

    private static IEnumerable<(double First, double Second)> Pair(
        IEnumerable<(long Seed, double Value)> first, IEnumerable<(long Seed, double Value)> second) =>
        first.Join(second, one => one.Seed, other => other.Seed, (one, other) => (one.Value, other.Value));

    private static Effect Estimate(Effect effect)
    {
        double[] scaled = [.. effect.Values.Select(value => ToScale(effect.Unit, value))];
        if (scaled.Length == 0)
            return effect;
        var mean = scaled.Average();
        effect = effect with { Mean = FromScale(effect.Unit, mean) };
        return ConfidenceInterval.HalfWidth(scaled) is { } half
            ? effect with { Low = FromScale(effect.Unit, mean - half), High = FromScale(effect.Unit, mean + half) }
            : effect;
    }

    private static double ToScale(EffectUnit unit, double value) => unit == EffectUnit.Ratio ? Math.Log(value) : value;

    // The interval of a few very different ratios can exceed the largest double; JSON has no infinity.
    private static double FromScale(EffectUnit unit, double value) =>
        unit == EffectUnit.Ratio ? Math.Min(Math.Exp(value), double.MaxValue) : value;

    // "0.51", "12,300" or "5.2e+26".
    private static string Format(double value) => Math.Abs(value) switch
    {
        > 0 and < 0.001 or >= 1e6 => $"{value:0.0e+0}",
        >= 1_000 => $"{Math.Round(value / 100) * 100:N0}",
        _ => $"{value:0.00}",
    };
}

internal enum EffectUnit
{
    [JsonStringEnumMemberName("points")]
    PercentagePoints,

    [JsonStringEnumMemberName("times")]
    Ratio,
}
