using MnistCnn.Charts;

namespace MnistCnn.Experiments;

/// <summary>
/// Verdict on a claim from its effects, by one rule for all experiments. The claim is supported if the 95 % interval of every effect is
/// above its bound, not supported if the interval of one is below, and inconclusive otherwise, always so with one seed.
/// </summary>
/// <param name="Effects">The claim's quantities, at least one; effects without values are included.</param>
internal sealed record Verdict(IReadOnlyList<Effect> Effects)
{
    /// <summary>Number of diverged trials. They have no values; their seeds are missing from the effects.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Diverged { get; init; }

    public VerdictOutcome Outcome =>
        Effects.Any(effect => effect.Outcome == VerdictOutcome.NotSupported) ? VerdictOutcome.NotSupported
        : Effects.All(effect => effect.Outcome == VerdictOutcome.Supported) ? VerdictOutcome.Supported
        : VerdictOutcome.Inconclusive;

    /// <summary>Effect with the smallest margin among those with the verdict's outcome.</summary>
    [JsonIgnore]
    public Effect DecidingEffect => Effects.Where(effect => effect.Outcome == Outcome).MinBy(effect => effect.StandardizedMargin)!;

    [JsonIgnore]
    public string Heading => Outcome switch
    {
        VerdictOutcome.Supported => "Supported",
        VerdictOutcome.NotSupported => "Not supported",
        _ => "Inconclusive",
    };

    /// <summary>
    /// The deciding effect: "ResNet-18 over Plain-18 after 5 epochs, 1.47 ± 0.31 points (95 % CI, 3 seeds)", and notes: it is the least
    /// clear of several, or trainings diverged.
    /// </summary>
    [JsonIgnore]
    public string Reason => string.Concat(
        $"{DecidingEffect}",
        Outcome == VerdictOutcome.Supported && Effects.Count > 1 ? $", the least clear of {Effects.Count}" : "",
        Diverged > 0 ? $", without {Wording.Plural(Diverged, "training")} that diverged" : "");

    public string Text => $"{Heading}: {Reason}";
}

/// <summary>Outcome of a claim or of one of its effects.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<VerdictOutcome>))]
internal enum VerdictOutcome
{
    /// <summary>The interval includes the bound, or there is none.</summary>
    [JsonStringEnumMemberName("inconclusive")]
    Inconclusive,

    /// <summary>The interval is above the bound.</summary>
    [JsonStringEnumMemberName("supported")]
    Supported,

    /// <summary>The interval is below the bound.</summary>
    [JsonStringEnumMemberName("not supported")]
    NotSupported,
}
