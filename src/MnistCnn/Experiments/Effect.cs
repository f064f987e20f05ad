using MnistCnn.Charts;

namespace MnistCnn.Experiments;

/// <summary>
/// A quantity that a claim says is above a bound: one value per seed, their mean, and the 95 % confidence interval of the mean. Ratios
/// are averaged as logarithms. With one seed there is no interval.
/// </summary>
/// <remarks>Create it with <see cref="Difference"/> or <see cref="Ratio"/>.</remarks>
/// <param name="Label">The quantity without its value: "ResNet-18 over Plain-18 after 5 epochs".</param>
/// <param name="Bound">Lower bound that the claim states; without a stated bound, 0 points or 1 times.</param>
/// <param name="Mean">Arithmetic mean of differences, geometric mean of ratios; null without a seed.</param>
/// <param name="Low">Lower end of the interval; null for fewer than two seeds.</param>
/// <param name="High">Upper end of the interval; null for fewer than two seeds.</param>
internal sealed record Effect(
    string Label, EffectUnit Unit, double Bound, IReadOnlyList<double> Values, double? Mean = null, double? Low = null, double? High = null)
{
    /// <summary>Supported if the whole interval is above the bound, not supported if it is below, inconclusive otherwise.</summary>
    public VerdictOutcome Outcome =>
        Low > Bound ? VerdictOutcome.Supported : High < Bound ? VerdictOutcome.NotSupported : VerdictOutcome.Inconclusive;

    /// <summary>Distance of the mean from the bound in half-widths of the interval: above 1 if supported, below -1 if not.</summary>
    [JsonIgnore]
    public double StandardizedMargin
    {
        get
        {
            if (Mean is not { } mean || High is not { } high)
                return 0;
            var margin = ToScale(Unit, mean) - ToScale(Unit, Bound);
            return margin == 0 ? 0 : margin / (ToScale(Unit, high) - ToScale(Unit, mean));
        }
    }

    /// <summary>Mean and interval as text: "1.47 ± 0.31 points (95 % CI, 3 seeds)".</summary>
    [JsonIgnore]
    public string FormattedEstimate
    {
        get
        {
            if (Mean is not { } mean)
                return "not measured yet";
            var (unit, noEffect) = Unit == EffectUnit.Ratio ? ("times", 1) : ("points", 0);
            var seeds = Wording.Plural(Values.Count, "seed");
            var claimed = Bound == noEffect ? "" : $"; claimed: above {Bound:#,0.##}";
            if (Low is not { } low || High is not { } high)
                return $"{Format(mean)} {unit} ({seeds}{claimed})";
            var estimate = Unit == EffectUnit.Ratio
                ? $"{Format(mean)} {unit}, {Format(low)} to {Format(high)}"
                : $"{Format(mean)} ± {Format(high - mean)} {unit}";
            return $"{estimate} ({ConfidenceInterval.Heading}, {seeds}{claimed})";
        }
    }

    /// <summary>Subtracts two percentages per seed. Seeds that only one of them has are ignored.</summary>
    /// <param name="bound">Percentage points that the claim says are between them.</param>
    public static Effect Difference(
        string label, IEnumerable<(long Seed, double Percent)> higher, IEnumerable<(long Seed, double Percent)> lower, double bound = 0) =>
        Estimate(label, EffectUnit.PercentagePoints, bound, [.. Pair(higher, lower).Select(pair => pair.First - pair.Second)]);

    /// <summary>Divides two positive quantities per seed. Seeds that only one of them has are ignored.</summary>
    /// <param name="bound">Ratio that the claim says is exceeded.</param>
    public static Effect Ratio(
        string label, IEnumerable<(long Seed, double Value)> larger, IEnumerable<(long Seed, double Value)> smaller, double bound = 1) =>
        Estimate(label, EffectUnit.Ratio, bound, [.. Pair(larger, smaller).Select(pair => pair.First / pair.Second)]);

    public override string ToString() => $"{Label}, {FormattedEstimate}";

    private static IEnumerable<(double First, double Second)> Pair(
        IEnumerable<(long Seed, double Value)> first, IEnumerable<(long Seed, double Value)> second) =>
        first.Join(second, one => one.Seed, other => other.Seed, (one, other) => (one.Value, other.Value));

    private static Effect Estimate(string label, EffectUnit unit, double bound, double[] values)
    {
        var effect = new Effect(label, unit, bound, values);
        if (values.Length == 0)
            return effect;
        double[] scaled = [.. values.Select(value => ToScale(unit, value))];
        var mean = scaled.Average();
        effect = effect with { Mean = FromScale(unit, mean) };
        return ConfidenceInterval.HalfWidth(scaled) is { } half
            ? effect with { Low = FromScale(unit, mean - half), High = FromScale(unit, mean + half) }
            : effect;
    }

    private static double ToScale(EffectUnit unit, double value) => unit == EffectUnit.Ratio ? Math.Log(value) : value;

    // The interval of a few very different ratios can exceed the largest double; JSON has no infinity.
    private static double FromScale(EffectUnit unit, double value) =>
        unit == EffectUnit.Ratio ? Math.Min(Math.Exp(value), double.MaxValue) : value;

    private static string Format(double value) =>
        value != 0 && Math.Abs(value) is < 0.001 or >= 10_000 ? $"{value:0.0e+0}" : $"{value:#,0.00}";
}

/// <summary>Unit of an <see cref="Effect"/>.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EffectUnit>))]
internal enum EffectUnit
{
    /// <summary>Difference of percentages.</summary>
    [JsonStringEnumMemberName("points")]
    PercentagePoints,

    /// <summary>Ratio of two quantities.</summary>
    [JsonStringEnumMemberName("times")]
    Ratio,
}
