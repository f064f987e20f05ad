using System.Globalization;
using System.Text;
using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>
/// The folder that a run leaves behind: <c>run.json</c> says what it was, <c>metrics.jsonl</c> has a line an epoch, and beside them
/// lie weights and checkpoint, see <see cref="TrainingRun"/>. It holds one run, and no other process can write into it until it
/// is disposed.
/// </summary>
internal sealed class RunFolder : ITrainingCallback, IDisposable
{
    /// <summary>The name of the file that says what the run was: a <see cref="RunInfo"/>.</summary>
    public const string InfoFile = "run.json";

    /// <summary>The name of the file with a line an epoch: <see cref="EpochMetrics"/>.</summary>
    public const string MetricsFile = "metrics.jsonl";

    /// <summary>The name of the file that the run can be resumed from: a <see cref="Checkpoint"/>.</summary>
    public const string CheckpointFile = "checkpoint.safetensors";

    /// <summary>The name of the file with the weights of the best epoch.</summary>
    public const string BestFile = "best.safetensors";

    private const string ModelFile = "model.safetensors";

    private readonly FolderLock folderLock;
    private readonly List<EpochMetrics> epochs;

    private RunFolder(FolderLock folderLock, RunInfo info, IEnumerable<EpochMetrics> history)
    {
        this.folderLock = folderLock;
        Info = info;
        epochs = [.. history];
    }

    /// <summary>Where it is.</summary>
    public string FullPath => folderLock.Folder;

    /// <summary>What stands in <c>run.json</c>.</summary>
    public RunInfo Info { get; private set; }

    /// <summary>What stands in <c>metrics.jsonl</c>.</summary>
    public IReadOnlyList<EpochMetrics> Epochs => epochs;

    /// <summary>The path of <c>run.json</c>.</summary>
    public string InfoPath => Path.Combine(FullPath, InfoFile);

    /// <summary>The path of <c>metrics.jsonl</c>.</summary>
    public string MetricsPath => Path.Combine(FullPath, MetricsFile);

    /// <summary>The path of the plot, where it lies in the folder.</summary>
    public string PlotPath => Path.Combine(FullPath, "accuracy.png");

    /// <summary>The path of the last weights.</summary>
    public string ModelPath => Path.Combine(FullPath, ModelFile);

    /// <summary>The path of the weights of the best epoch.</summary>
    public string BestPath => Path.Combine(FullPath, BestFile);

    /// <summary>The path of what the run can be resumed from.</summary>
    public string CheckpointPath => Path.Combine(FullPath, CheckpointFile);

    /// <summary>
    /// Whether the best weights so far are in the folder, or those of an epoch that will be done again, or there are none yet. They are not where a run goes on from a
    /// checkpoint without what lay beside it.
    /// </summary>
    public bool HasBest => EpochMetrics.Best(epochs) is not { } best || (File.Exists(BestPath) && IsBest(best, ReadMetadata(BestPath)));

    private string[] RunFiles => [InfoPath, MetricsPath, ModelPath, BestPath, CheckpointPath];

    /// <summary>Makes the folder and writes <paramref name="info"/> into it.</summary>
    /// <param name="path">Where, or null for the next free name <c>runs/ARCHITECTURE-TIME</c>.</param>
    /// <param name="info">What the run is.</param>
    /// <exception cref="IOException">It cannot be written, is in use, or holds a run already.</exception>
    public static RunFolder Create(string? path, RunInfo info) => Create(path, info, []);

    /// <summary>
    /// Goes on with the run of a checkpoint: in the folder where that lies, where what was measured after the checkpoint is measured
    /// again, or in a new one.
    /// </summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="checkpointPath">Where it lies.</param>
    /// <param name="path">The folder, or null for that of the checkpoint.</param>
    /// <param name="info">What the run is.</param>
    /// <exception cref="IOException">It cannot be written, is in use, or holds another run.</exception>
    /// <exception cref="InvalidDataException">A file in one of the folders is damaged.</exception>
    public static RunFolder Continue(Checkpoint checkpoint, string checkpointPath, string? path, RunInfo info)
    {
        var home = Path.GetDirectoryName(Path.GetFullPath(checkpointPath))!;
        if (path is null || Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)) == home)
            return Open(FolderLock.Take(home), info, checkpoint.State.History, folder =>
            {
                if (!folder.IsHomeOf(checkpoint))
                    throw new IOException($"{home} holds another run than that of {checkpointPath}.").With(Remedy.ChooseFolder);
            });

        var bestPath = Path.Combine(home, BestFile);
        var isBest = EpochMetrics.Best(checkpoint.State.History) is { } best
            && File.Exists(bestPath) && IsOf(best, ReadMetadata(bestPath), checkpoint.Settings);
        var elsewhere = Create(path, info, checkpoint.State.History);
        try
        {
            if (isBest)
                AtomicFile.Write(elsewhere.BestPath, stream => stream.Write(InputFile.ReadAllBytes(bestPath)));
            return elsewhere;
        }
        catch
        {
            elsewhere.Dispose();
            throw;
        }
    }

    /// <summary>Of a run that is over and will not go on, deletes all but its record, its metrics and its best weights.</summary>
    public static void KeepResults(string path)
    {
        foreach (var name in new[] { ModelFile, CheckpointFile })
            if (Directory.Exists(path))
                File.Delete(Path.Combine(path, name));
    }

    /// <inheritdoc/>
    public void OnEpochEnd(EpochMetrics epoch)
    {
        epochs.Add(epoch);
        WriteMetrics();
    }

    /// <summary>Writes the end of the run into <c>run.json</c>.</summary>
    public void Finish(RunStatus status, string? error = null, double? secondsWaited = null)
    {
        Info = Info with
        {
            Status = status,
            Error = error,
            Seconds = (DateTimeOffset.Now - Info.Started).TotalSeconds,
            PeakMemory = PeakMemory.Take(),
            SecondsWaited = secondsWaited,
        };
        WriteInfo();
    }

    /// <summary>Writes into <c>run.json</c> that the run failed, if it can still be written.</summary>
    public void Fail(Exception reason)
    {
        try
        {
            Finish(reason is DivergenceException ? RunStatus.Diverged : RunStatus.Failed, reason.Message);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The reason is what the user has to know, and may be the same.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => folderLock.Dispose();

    private static RunFolder Create(string? path, RunInfo info, IReadOnlyList<EpochMetrics> history)
    {
        var folderLock = path is null ? FolderLock.TakeNew(info.Settings.Architecture, info.Started) : FolderLock.Take(path);
        return Open(folderLock, info, history, folder =>
        {
            if (folder.RunFiles.Any(File.Exists) && !folder.HoldsDeadStart())
                throw new IOException($"{folder.FullPath} holds a run already.").With(Remedy.ChooseFolder);
        });
    }

    private static RunFolder Open(FolderLock folderLock, RunInfo info, IReadOnlyList<EpochMetrics> history, Action<RunFolder> check)
    {
        try
        {
            var folder = new RunFolder(folderLock, info, history);
            check(folder);
            foreach (var file in folder.RunFiles.Append(folder.PlotPath))
                AtomicFile.DeleteLeftovers(file);
            folder.WriteInfo();
            folder.WriteMetrics();
            return folder;
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
    }

    // A run that ended before its first checkpoint, however it did, left nothing to lose.
    private bool HoldsDeadStart()
    {
        if (new[] { ModelPath, BestPath, CheckpointPath }.Any(File.Exists) || new FileInfo(MetricsPath) is { Exists: true, Length: > 0 } || !File.Exists(InfoPath))
            return false;
        try
        {
            return RunInfo.Read(InfoPath).Status != RunStatus.Finished;
        }
        catch (InvalidDataException)
        {
            return false; // a file of somebody's that is called the same
        }
    }

    private bool IsHomeOf(Checkpoint checkpoint) =>
        (!File.Exists(InfoPath) || checkpoint.IsOf(RunInfo.Read(InfoPath)))
        && new[] { ModelPath, BestPath }.Where(File.Exists).All(path => IsOfRun(ReadMetadata(path)));

    private bool IsBest(EpochMetrics best, IReadOnlyDictionary<string, string> metadata) =>
        IsOf(best, metadata, Info.Settings) || (IsOfRun(metadata) && epochs.All(epoch => $"{epoch.Epoch}" != metadata["epoch"]));

    // Weights of a later epoch than the checkpoint's last are those of an epoch that will be measured again.
    private bool IsOfRun(IReadOnlyDictionary<string, string> metadata) =>
        int.TryParse(metadata.GetValueOrDefault("epoch"), out var epoch) && epoch > 0
        && IsOf(epoch <= epochs.Count ? epochs[epoch - 1] : null, metadata, Info.Settings);

    private static bool IsOf(EpochMetrics? epoch, IReadOnlyDictionary<string, string> metadata, TrainSettings settings) =>
        Metadata(settings, epoch).All(expected => metadata.GetValueOrDefault(expected.Key) == expected.Value);

    /// <summary>What a file with weights says of their training.</summary>
    /// <param name="settings">How they were trained.</param>
    /// <param name="epoch">After which epoch, or null for what is the same after all.</param>
    internal static Dictionary<string, string> Metadata(TrainSettings settings, EpochMetrics? epoch)
    {
        var metadata = new Dictionary<string, string>
        {
            ["architecture"] = settings.Architecture,
            ["seed"] = settings.Seed.ToString(CultureInfo.InvariantCulture),
        };
        if (epoch is not null)
        {
            metadata["epoch"] = epoch.Epoch.ToString(CultureInfo.InvariantCulture);
            metadata["test_accuracy"] = epoch.TestAccuracy.ToString(CultureInfo.InvariantCulture);
        }

        return metadata;
    }

    private static IReadOnlyDictionary<string, string> ReadMetadata(string path)
    {
        using var file = SafetensorsFile.Read(path);
        return file.Metadata;
    }

    private void WriteInfo() => AtomicFile.Write(InfoPath, stream => JsonSerializer.Serialize(stream, Info, JsonFormat.Indented));

    // Whole each time: it is small, and whoever reads it meanwhile never meets half a line.
    private void WriteMetrics() => AtomicFile.Write(
        MetricsPath,
        stream => stream.Write(Encoding.UTF8.GetBytes(string.Concat(epochs.Select(epoch => JsonSerializer.Serialize(epoch, JsonFormat.Line) + "\n")))));
}
