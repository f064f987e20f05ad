using System.Text.Json.Serialization;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>What a run was: the file <c>run.json</c>.</summary>
/// <param name="Settings">What it was asked to do.</param>
/// <param name="Parameters">How many numbers the network learns, without auxiliary classifiers.</param>
/// <param name="Device">Where it ran: cpu, cuda:0, mps.</param>
/// <param name="Threads">Threads that one operation may use on the CPU.</param>
/// <param name="Versions">Of the program, TorchSharp, libtorch, .NET and the operating system.</param>
/// <param name="Data">What it ran on.</param>
/// <param name="Started">When it was started, or last resumed.</param>
/// <param name="Seconds">How long it took since then, or null while it runs.</param>
/// <param name="PeakMemory">
/// Peak memory of the process since its start, or since the end of the run before, in bytes. Null while the run lasts, and if the system
/// does not say; see <see cref="Runtime.PeakMemory"/>.
/// </param>
/// <param name="Outcome">"running", "finished", "stopped", or why it failed or that it diverged.</param>
/// <param name="Id">Tells the run from all others, and stays through <c>--resume</c>; null in one of version 0.1.</param>
internal sealed record RunInfo(
    TrainSettings Settings,
    long Parameters,
    string Device,
    int Threads,
    IReadOnlyDictionary<string, string> Versions,
    RunData Data,
    DateTimeOffset Started,
    double? Seconds = null,
    long? PeakMemory = null,
    string Outcome = "running",
    string? Id = null)
{
    /// <summary>The <see cref="Outcome"/> of a run that came to its end.</summary>
    public const string Finished = "finished";

    /// <summary>What the <see cref="Outcome"/> of a run that failed starts with; the reason follows. Started again, it may come to its end.</summary>
    public const string Failed = "failed: ";

    /// <summary>What the <see cref="Outcome"/> of a run starts with whose loss is no longer a finite number; what happened follows.</summary>
    public const string Diverged = "diverged: ";

    /// <summary>How many numbers its auxiliary classifiers learn, which it has only while it trains; 0 where it has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long AuxiliaryParameters { get; init; }

    /// <summary>How many replicas of the network shared each batch in a process, see <see cref="ParallelSettings"/>; null where there was one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Replicas { get; init; }

    /// <summary>How many processes trained it together; null where there was one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Processes { get; init; }

    /// <summary>Of its seconds, those in which the first of several processes waited for the others; null where there was one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? SecondsWaited { get; init; }
}
