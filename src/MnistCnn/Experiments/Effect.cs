using System.Text.Json.Serialization;
using MnistCnn.Charts;

namespace MnistCnn.Experiments;

/// <summary>
/// A quantity that a claim says is above a bound, measured once with each seed; and its mean over the seeds, with the 95 % interval of
/// Student's t. Of factors, both are those of the logarithms. Of one seed there is no interval.
/// </summary>
/// <remarks><see cref="Points"/> and <see cref="Factor"/> make it.</remarks>
/// <param name="What">What it is, without its figure: "ResNet-18 over Plain-18 after 5 epochs".</param>
/// <param name="Unit">What all the figures are in.</param>
/// <param name="Bound">What the claim says that it is above: 0 points or 1 times, where the claim asks for no more.</param>
/// <param name="Values">What was measured, one a seed.</param>
/// <param name="Mean">Their mean, of factors the geometric one, or null of no seed.</param>
/// <param name="Low">The lower end of the interval, or null below two seeds.</param>
/// <param name="High">Its upper end.</param>
internal sealed record Effect(
    string What, EffectUnit Unit, double Bound, IReadOnlyList<double> Values, double? Mean = null, double? Low = null, double? High = null)
{
    /// <summary>Borne out where the whole interval lies above the bound, not borne out where it lies below; otherwise undecided.</summary>
    public Outcome Outcome => Low > Bound ? Outcome.BorneOut : High < Bound ? Outcome.NotBorneOut : Outcome.Undecided;

    /// <summary>How far the mean is above the bound, in halves of the interval: above 1 where it is borne out, below -1 where it is not.</summary>
    [JsonIgnore]
    public double Clearance
    {
        get
        {
            if (Mean is not { } mean || High is not { } high)
                return 0;
            var above = ToScale(Unit, mean) - ToScale(Unit, Bound);
            return above == 0 ? 0 : above / (ToScale(Unit, high) - ToScale(Unit, mean));
        }
    }

    /// <summary>The figure and its spread: "1.47 ± 0.31 points (95 % CI, 3 seeds)".</summary>
    [JsonIgnore]
    public string Figure
    {
        get
        {
            if (Mean is not { } mean)
                return "not measured yet";
            var claimed = Bound == Neutral(Unit) ? "" : $"; claimed: above {Bound:#,0.##}";
            var unit = Unit.ToString().ToLowerInvariant();
            var seeds = ResultTable.Count(Values.Count, "seed");
            if (Low is not { } low || High is not { } high)
                return $"{Text(mean)} {unit} ({seeds}{claimed})";
            var figure = Unit == EffectUnit.Times ? $"{Text(mean)} {unit}, {Text(low)} to {Text(high)}" : $"{Text(mean)} ± {Text(high - mean)} {unit}";
            return $"{figure} ({ConfidenceInterval.Heading}, {seeds}{claimed})";
        }
    }

    /// <summary>The difference of two percentages with the same seed. A seed that only one of them has does not count.</summary>
    /// <param name="what">As <see cref="What"/>.</param>
    /// <param name="higher">What the claim says is higher.</param>
    /// <param name="lower">What it says is lower.</param>
    /// <param name="bound">How many points it says that there are between them.</param>
    public static Effect Points(string what, IEnumerable<(long Seed, double Percent)> higher, IEnumerable<(long Seed, double Percent)> lower, double bound = 0) =>
        Of(what, EffectUnit.Points, bound, BySeed(higher, lower, (one, other) => one - other));

    /// <summary>The ratio of two quantities with the same seed, both above 0. A seed that only one of them has does not count.</summary>
    /// <param name="what">As <see cref="What"/>.</param>
    /// <param name="larger">What the claim says is larger.</param>
    /// <param name="smaller">What it says is smaller.</param>
    /// <param name="bound">How many times the smaller one it says that the larger one is.</param>
    public static Effect Factor(string what, IEnumerable<(long Seed, double Value)> larger, IEnumerable<(long Seed, double Value)> smaller, double bound = 1) =>
        Of(what, EffectUnit.Times, bound, BySeed(larger, smaller, (one, other) => one / other));

    /// <inheritdoc/>
    public override string ToString() => $"{What}, {Figure}";

    private static Effect Of(string what, EffectUnit unit, double bound, double[] values)
    {
        var effect = new Effect(what, unit, bound, values);
        if (values.Length == 0)
            return effect;
        double[] scaled = [.. values.Select(value => ToScale(unit, value))];
        var mean = scaled.Average();
        effect = effect with { Mean = FromScale(unit, mean) };
        return ConfidenceInterval.HalfWidth(scaled) is { } half
            ? effect with { Low = FromScale(unit, mean - half), High = FromScale(unit, mean + half) }
            : effect;
    }

    private static double[] BySeed(
        IEnumerable<(long Seed, double Value)> first, IEnumerable<(long Seed, double Value)> second, Func<double, double, double> compare) =>
        [.. first.Join(second, one => one.Seed, other => other.Seed, (one, other) => compare(one.Value, other.Value))];

    private static double ToScale(EffectUnit unit, double value) => unit == EffectUnit.Times ? Math.Log(value) : value;

    // The interval of few and very different factors may end beyond the largest number, which JSON does not have.
    private static double FromScale(EffectUnit unit, double value) => unit == EffectUnit.Times ? Math.Min(Math.Exp(value), double.MaxValue) : value;

    private static double Neutral(EffectUnit unit) => FromScale(unit, 0);

    private static string Text(double figure) =>
        figure != 0 && Math.Abs(figure) is < 0.001 or >= 10_000 ? $"{figure:0.0e+0}" : $"{figure:#,0.00}";
}

/// <summary>What an <see cref="Effect"/> is measured in.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EffectUnit>))]
internal enum EffectUnit
{
    /// <summary>Differences of percentages.</summary>
    [JsonStringEnumMemberName("points")]
    Points,

    /// <summary>Ratios.</summary>
    [JsonStringEnumMemberName("times")]
    Times,
}
