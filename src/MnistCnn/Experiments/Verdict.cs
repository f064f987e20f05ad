using System.Text.Json.Serialization;
using MnistCnn.Charts;

namespace MnistCnn.Experiments;

/// <summary>
/// What the rows of an experiment say of its claim, by one rule for all of them. A claim is one or more <see cref="Effect"/>s. It is
/// borne out where all of them are: where the 95 % interval of each lies above its bound as a whole. It is not borne out where one of them
/// is contradicted: where its interval lies below its bound as a whole. Otherwise, and always with one seed, it is undecided.
/// </summary>
/// <param name="Effects">The quantities that the claim is about, at least one; what is not measured yet is among them.</param>
internal sealed record Verdict(IReadOnlyList<Effect> Effects)
{
    /// <summary>Number of trainings that diverged. They have no values, and their seeds count in no effect that needs them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Diverged { get; init; }

    /// <summary>What is to be said of the claim.</summary>
    public Outcome Outcome =>
        Effects.Any(effect => effect.Outcome == Outcome.NotBorneOut) ? Outcome.NotBorneOut
        : Effects.All(effect => effect.Outcome == Outcome.BorneOut) ? Outcome.BorneOut
        : Outcome.Undecided;

    /// <summary>The effect that decides: of those that say what all of them together say, the one that is least above its bound.</summary>
    [JsonIgnore]
    public Effect Deciding => Effects.Where(effect => effect.Outcome == Outcome).MinBy(effect => effect.Clearance)!;

    /// <summary>The outcome in words, to begin a line with.</summary>
    [JsonIgnore]
    public string Heading => Outcome switch
    {
        Outcome.BorneOut => "Borne out",
        Outcome.NotBorneOut => "Not borne out",
        _ => "Undecided",
    };

    /// <summary>
    /// What decides, with its figures: "ResNet-18 over Plain-18 after 5 epochs, 1.47 ± 0.31 points (95 % CI, 3 seeds)".
    /// </summary>
    [JsonIgnore]
    public string Reason => string.Concat(
        $"{Deciding}",
        Outcome == Outcome.BorneOut && Effects.Count > 1 ? $", the least clear of {Effects.Count}" : "",
        Diverged > 0 ? $", without {ResultTable.Count(Diverged, "training")} that diverged" : "");

    /// <summary>Both in one line.</summary>
    public string Text => $"{Heading}: {Reason}";
}

/// <summary>What measurements say of a claim.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Outcome>))]
internal enum Outcome
{
    /// <summary>Neither of the others.</summary>
    [JsonStringEnumMemberName("undecided")]
    Undecided,

    /// <summary>They say the same.</summary>
    [JsonStringEnumMemberName("borne out")]
    BorneOut,

    /// <summary>They say the contrary.</summary>
    [JsonStringEnumMemberName("not borne out")]
    NotBorneOut,
}
