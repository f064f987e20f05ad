using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace MnistCnn.Training;

/// <summary>
/// The folder that a run leaves behind: <c>run.json</c> says what it was, <c>metrics.jsonl</c> has a line an epoch.
/// </summary>
public sealed class RunFolder : ITrainingObserver
{
    /// <summary>The name of the file that says what the run was: a <see cref="RunInfo"/>.</summary>
    public const string InfoFile = "run.json";

    /// <summary>The name of the file with a line an epoch: <see cref="EpochMetrics"/>.</summary>
    public const string MetricsFile = "metrics.jsonl";

    private readonly List<EpochMetrics> epochs = [];

    private RunFolder(string path, RunInfo info)
    {
        FullPath = path;
        Info = info;
    }

    /// <summary>Where it is.</summary>
    public string FullPath { get; }

    /// <summary>What stands in <c>run.json</c>.</summary>
    public RunInfo Info { get; private set; }

    /// <summary>What stands in <c>metrics.jsonl</c>.</summary>
    public IReadOnlyList<EpochMetrics> Epochs => epochs;

    /// <summary>The path of <c>run.json</c>.</summary>
    public string InfoPath => Path.Combine(FullPath, InfoFile);

    /// <summary>The path of <c>metrics.jsonl</c>.</summary>
    public string MetricsPath => Path.Combine(FullPath, MetricsFile);

    /// <summary>Makes the folder and writes <paramref name="info"/> into it.</summary>
    /// <param name="path">Where, or null for the next free name <c>runs/ARCHITECTURE-TIME</c>.</param>
    /// <param name="info">What the run is.</param>
    /// <param name="history">What it measured before, where it goes on from a checkpoint.</param>
    /// <exception cref="IOException">It cannot be written, or it holds a run already.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static RunFolder Create(string? path, RunInfo info, IReadOnlyList<EpochMetrics> history)
    {
        path ??= FreeName(info.Settings.Architecture, info.Started);
        var folder = new RunFolder(Path.GetFullPath(path), info);
        if (File.Exists(folder.InfoPath) || File.Exists(folder.MetricsPath))
            throw new IOException($"{folder.FullPath} holds a run already. Choose another folder with --out.");
        folder.Start(history, overwrite: false);
        return folder;
    }

    /// <summary>Takes up the run in a folder again: what it measured after its checkpoint is measured again.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="info">What the run is.</param>
    /// <param name="history">What it measured until its checkpoint.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static RunFolder Continue(string path, RunInfo info, IReadOnlyList<EpochMetrics> history)
    {
        var folder = new RunFolder(Path.GetFullPath(path), info);
        folder.Start(history, overwrite: true);
        return folder;
    }

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch)
    {
        epochs.Add(epoch);
        File.AppendAllText(MetricsPath, Line(epoch));
    }

    /// <summary>Writes into <c>run.json</c> how the run ended.</summary>
    /// <param name="outcome">See <see cref="RunInfo.Outcome"/>.</param>
    public void Finish(string outcome)
    {
        using var process = Process.GetCurrentProcess();
        Info = Info with
        {
            Outcome = outcome,
            Seconds = (DateTimeOffset.Now - Info.Started).TotalSeconds,
            PeakMemory = process.PeakWorkingSet64,
        };
        Save(overwrite: true);
    }

    private static string Line(EpochMetrics epoch) => JsonSerializer.Serialize(epoch, JsonFormat.Line) + "\n";

    /// <summary>The next free name <c>runs/NAME-TIME</c>.</summary>
    public static string FreeName(string name, DateTimeOffset time)
    {
        var path = Path.Combine("runs", $"{name}-{time:yyyyMMdd-HHmmss}");
        return Enumerable.Range(1, int.MaxValue)
            .Select(number => number == 1 ? path : $"{path}-{number}")
            .First(candidate => !Directory.Exists(candidate));
    }

    private void Start(IReadOnlyList<EpochMetrics> history, bool overwrite)
    {
        Save(overwrite);
        epochs.AddRange(history);
        AtomicFile.Write(MetricsPath, stream => stream.Write(Encoding.UTF8.GetBytes(string.Concat(history.Select(Line)))));
    }

    private void Save(bool overwrite) =>
        AtomicFile.Write(InfoPath, stream => JsonSerializer.Serialize(stream, Info, JsonFormat.Indented), overwrite);
}
