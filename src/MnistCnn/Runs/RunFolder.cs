using MnistCnn.Files;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>Folder of a run: <c>run.json</c>, metrics, weights, checkpoint. Until it is disposed, no other process writes there.</summary>
/// <param name="history">Epochs that were finished before the run was resumed.</param>
internal sealed class RunFolder(FolderLock folderLock, RunInfo info, IEnumerable<EpochMetrics> history) : IDisposable
{
    public const string InfoFile = "run.json";
    public const string MetricsFile = "metrics.jsonl";
    public const string CheckpointFile = "checkpoint.safetensors";
    public const string BestFile = "best.safetensors";
    private const string ModelFile = "model.safetensors";

    private readonly List<EpochMetrics> epochs = [.. history];

    public string FullPath => folderLock.Folder;

    /// <summary>Contents of <c>run.json</c>.</summary>
    public RunInfo Info { get; private set; } = info;

    /// <summary>Contents of <c>metrics.jsonl</c>.</summary>
    public IReadOnlyList<EpochMetrics> Epochs => epochs;

    public string InfoPath => Path.Combine(FullPath, InfoFile);

    public string MetricsPath => Path.Combine(FullPath, MetricsFile);

    public string PlotPath => Path.Combine(FullPath, "accuracy.png");

    /// <summary>Path of the weights of the last epoch.</summary>
    public string ModelPath => Path.Combine(FullPath, ModelFile);

    public string BestPath => Path.Combine(FullPath, BestFile);

    public string CheckpointPath => Path.Combine(FullPath, CheckpointFile);

    /// <summary>False if the best weights so far are missing, as after resuming from a checkpoint that was copied without them.</summary>
    public bool HasBest => epochs.Count == 0 || File.Exists(BestPath);

    /// <summary>
    /// Opens the folder of a run. A new run gets a new folder. A resumed run continues in the folder of its checkpoint, where metrics of
    /// later epochs are discarded, or in a new one, which gets a copy of the best weights.
    /// </summary>
    /// <param name="path">Path of the folder; null for the folder of the checkpoint, or else for <c>runs/ARCHITECTURE-TIME</c>.</param>
    /// <exception cref="IOException">It cannot be written, is in use, or holds another run.</exception>
    public static RunFolder Open(string? path, RunInfo info, Checkpoint? checkpoint = null)
    {
        var home = Path.GetDirectoryName(checkpoint?.Path);
        path ??= home;
        var folderLock = path is null ? FolderLock.AcquireNew(info.Settings.Architecture.Name, info.Started) : FolderLock.Acquire(path);
        var folder = new RunFolder(folderLock, info, checkpoint?.Progress.History ?? []);
        using var guard = new DisposeOnError(folder);
        var isHome = folder.FullPath == home;
        if (isHome)
            folder.EnsureOwns(checkpoint!);
        else
            folder.EnsureFree();
        folder.WriteRecord();
        if (!isHome && home is not null)
            folder.CopyBest(home);
        return guard.Complete(folder);
    }

    /// <summary>Reads the record of a run. If no process writes into the folder of a running run, its status is interrupted.</summary>
    public static RunInfo ReadInfo(string path)
    {
        var file = Path.Combine(path, InfoFile);
        var info = RunInfo.Read(file);
        if (info.Status is not RunStatus.Running || FolderLock.IsHeld(path))
            return info;
        info = RunInfo.Read(file); // the run may have ended between the two
        return info.Status is RunStatus.Running ? info with { Status = RunStatus.Interrupted } : info;
    }

    /// <summary>Deletes the files of a finished run that only resuming needs: checkpoint and last weights.</summary>
    public static void DeleteResumeFiles(string path)
    {
        foreach (var name in new[] { ModelFile, CheckpointFile })
            if (Directory.Exists(path))
                File.Delete(Path.Combine(path, name));
    }

    public void Append(EpochMetrics epoch)
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
            PeakMemory = PeakMemory.SinceLastCall(),
            SecondsWaited = secondsWaited,
        };
        WriteInfo();
    }

    /// <summary>Writes the error that ended the run into <c>run.json</c>, if that is still possible.</summary>
    /// <remarks>The user has to see this error, not one from writing it, which may have the same cause.</remarks>
    public void Fail(Exception reason) => FileErrors.Try(
        () => Finish(reason is DivergenceException ? RunStatus.Diverged : RunStatus.Failed, reason.Message));

    public void Dispose() => folderLock.Dispose();

    // A run that ended before its first checkpoint left nothing to lose.
    private void EnsureFree()
    {
        string[] results = [ModelPath, BestPath, CheckpointPath];
        var isFree = !results.Any(File.Exists) && new FileInfo(MetricsPath) is { Exists: false } or { Length: 0 }
            && (!File.Exists(InfoPath) || RunInfo.Read(InfoPath).Status != RunStatus.Finished);
        if (!isFree)
            throw new IOException($"{FullPath} holds a run already.").With(Remedy.ChooseFolder);
    }

    // Without run.json, nothing says whose weights these are.
    private void EnsureOwns(Checkpoint checkpoint)
    {
        var isOwner = File.Exists(InfoPath)
            ? RunInfo.Read(InfoPath).Id == checkpoint.RunId
            : !File.Exists(ModelPath) && !File.Exists(BestPath);
        if (!isOwner)
            throw new IOException($"{FullPath} holds another run than {checkpoint.Path}.").With(Remedy.ChooseFolder);
    }

    private void CopyBest(string home)
    {
        var (infoPath, bestPath) = (Path.Combine(home, InfoFile), Path.Combine(home, BestFile));
        if (!File.Exists(bestPath) || !File.Exists(infoPath) || RunInfo.Read(infoPath).Id != Info.Id)
            return;
        using var best = WeightsFile.Read(bestPath);
        if (best.Metadata.Epoch == EpochMetrics.Best(epochs)?.Epoch) // a later epoch is trained again
            AtomicFile.Write(BestPath, stream => stream.Write(InputFile.ReadAllBytes(bestPath)));
    }

    private void WriteRecord()
    {
        foreach (var file in new[] { InfoPath, MetricsPath, ModelPath, BestPath, CheckpointPath, PlotPath })
            AtomicFile.DeleteLeftovers(file);
        WriteInfo();
        WriteMetrics();
    }

    private void WriteInfo() => AtomicFile.Write(InfoPath, stream => JsonSerializer.Serialize(stream, Info, JsonFormat.Indented));

    // The whole file each time: it is small, and a reader never meets half a line.
    private void WriteMetrics()
    {
        var lines = epochs.Select(epoch => JsonSerializer.Serialize(epoch, JsonFormat.Line) + "\n");
        AtomicFile.WriteText(MetricsPath, string.Concat(lines));
    }
}
