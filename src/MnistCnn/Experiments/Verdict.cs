using MnistCnn.Charts;

namespace MnistCnn.Experiments;

/// <summary>
/// Verdict on a claim from its effects, by one rule for all experiments. The claim is supported if the 95 % interval of every effect is
/// above its bound, not supported if the interval of one is below, and inconclusive otherwise, always so with one seed. Before all trials
/// are done there is no verdict: who stops when the interval looks good is wrong more often than it says.
/// </summary>
/// <param name="Effects">The claim's quantities, at least one; effects without values are included.</param>
/// <param name="Subject">Part of the claim that is decided, if the experiment has several verdicts: "Inception and Plain".</param>
internal sealed record Verdict(IReadOnlyList<Effect> Effects, string Subject = "")
{
    /// <summary>Number of diverged trials. They have no values; their seeds are missing from the effects.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Diverged { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsInterim { get; init; }

    public VerdictOutcome Outcome => IsInterim ? VerdictOutcome.Interim : OutcomeSoFar;

    /// <summary>Effect with the smallest margin among those with the verdict's outcome.</summary>
    [JsonIgnore]
    public Effect DecidingEffect => Effects.Where(effect => effect.Outcome == OutcomeSoFar).MinBy(effect => effect.StandardizedMargin)!;

    [JsonIgnore]
    public string Heading => Outcome switch
    {
        VerdictOutcome.Interim => "Interim",
        VerdictOutcome.Supported => "Supported",
        VerdictOutcome.NotSupported => "Not supported",
        _ => "Inconclusive",
    };

    /// <summary>The deciding effect, and notes: it is the least clear of several, or trainings diverged.</summary>
    [JsonIgnore]
    public string Reason => string.Concat(
        $"{DecidingEffect}",
        Outcome == VerdictOutcome.Supported && Effects.Count > 1 ? $" (the least clear of {Effects.Count} quantities)" : "",
        Diverged > 0 ? $"; {Wording.Plural(Diverged, "training")} of the experiment diverged" : "");

    /// <summary>Outcome and subject: "Supported for Inception and Plain".</summary>
    [JsonIgnore]
    public string Conclusion => Subject.Length == 0 ? Heading : $"{Heading} for {Subject}";

    public string Text => $"{Conclusion}: {Reason}";

    private VerdictOutcome OutcomeSoFar =>
        Effects.Any(effect => effect.Outcome == VerdictOutcome.NotSupported) ? VerdictOutcome.NotSupported
        : Effects.All(effect => effect.Outcome == VerdictOutcome.Supported) ? VerdictOutcome.Supported
        : VerdictOutcome.Inconclusive;
}

internal enum VerdictOutcome
{
    /// <summary>The interval includes the bound, or there is none.</summary>
    Inconclusive,

    /// <summary>The interval is above the bound.</summary>
    Supported,

    /// <summary>The interval is below the bound.</summary>
    [JsonStringEnumMemberName("not supported")]
    NotSupported,

    /// <summary>Trials are missing.</summary>
    Interim,
}
