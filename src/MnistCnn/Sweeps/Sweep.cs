using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Jobs;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Sweeps;

/// <param name="Values">Values of the grid's parameters, in their order.</param>
internal sealed record SweepTrial(string Name, IReadOnlyList<string> Values, TrainSettings Settings) : Job(Name, 1);

/// <summary>Record of a sweep: the file <c>sweep.json</c>. Each process that trains a part of it writes the same bytes.</summary>
/// <param name="Arguments">Options that all trainings share, as typed.</param>
internal sealed record SweepInfo(
    IReadOnlyList<GridParameter> Grid,
    IReadOnlyList<string> Arguments,
    Origin Origin,
    IReadOnlyDictionary<string, string> Sha256,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ImageSettings? ImageSettings = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Init = null)
{
    public const string FileName = "sweep.json";

    /// <summary>The same with grid and options as on a command line, to tell differences.</summary>
    [JsonIgnore]
    public object AsTyped => new
    {
        Grid = string.Join(' ', Grid.Select(parameter => $"{parameter.Name}={string.Join(',', parameter.Values)}")),
        Arguments = string.Join(' ', Arguments),
        Origin,
        Sha256,
        ImageSettings,
        Init,
    };

    public static SweepInfo Read(string folder)
    {
        var path = Path.Combine(Path.GetFullPath(folder), FileName);
        return JsonFormat.Parse<SweepInfo>(InputFile.ReadAllText(path), path);
    }
}

/// <summary>
/// A sweep in its folder: <c>sweep.json</c> is its record, and each trial is a run in its own folder below. The runs alone say which
/// trials are done, so several processes, also on other machines, can train parts of the sweep at once.
/// </summary>
/// <param name="inputs">Data and device; null to read results only.</param>
/// <param name="onResults">Writes the results so far after each training.</param>
internal sealed class Sweep(
    string folder, Grid grid, IReadOnlyList<SweepTrial> trials, SweepInputs? inputs = null, Action<Sweep>? onResults = null)
    : JobFolder<SweepTrial, SweepResult>(folder, trials)
{
    private readonly Lazy<SweepInfo> saved = new(() => SweepInfo.Read(folder));

    public Grid Grid => grid;
    protected override string Kind => "sweep";
    private string InfoPath => Path.Combine(Folder, SweepInfo.FileName);

    /// <summary>Calls <see cref="TrainingRun.EnsureTrainable"/> for all trials.</summary>
    /// <param name="init">Path of the file with initial weights; null for random ones.</param>
    /// <exception cref="UserException">The message names the trial.</exception>
    public static void EnsureTrainable(IReadOnlyList<SweepTrial> trials, ImageSettings images, string? init)
    {
        foreach (var trial in trials.DistinctBy(trial => (trial.Settings.Architecture, trial.Settings.Freeze)))
            Try(trial, () =>
            {
                using var initial = InitialWeights.Read(init, trial.Settings.Architecture);
                TrainingRun.EnsureTrainable(trial.Settings, images, initial);
            });
    }

    /// <summary>Trains the trials of a shard that are not done.</summary>
    /// <exception cref="UserException">A trial cannot be trained with its settings.</exception>
    /// <exception cref="OperationCanceledException">A signal stopped the process; trainings have written their checkpoints.</exception>
    public void Train(
        IReadOnlyList<string> arguments, Shard shard, Workers? workers, Action<JobProgress> report, CancellationToken cancellation)
    {
        SweepTrial[] selected = [.. Jobs.Where((_, index) => shard.Contains(index))];
        EnsureTrainable(selected);
        Begin(arguments, selected);
        Run(selected, workers, report, cancellation);
    }

    /// <summary>Fails if a trial is not done, or if all trainings diverged.</summary>
    public void EnsureComplete()
    {
        var results = ReadResults();
        var done = results.Select(result => result.Trial.Name).ToHashSet();
        var missing = Jobs.Where(trial => !done.Contains(trial.Name)).ToArray();
        if (missing.Length > 0)
            throw new UserException(
                $"{missing.Length} of {Jobs.Count} trainings are not done, the first of them {missing[0].Name}. Start the sweep again.");
        if (results.All(result => result.Error is not null))
            throw new UserException($"All trainings diverged. The first: {results[0].Error}");
    }

    protected override SweepResult Do(SweepTrial job, Action<double> report, CancellationToken cancellation)
    {
        var data = inputs!.LoadData(job.Settings);
        var request = new TrainingRequest(job.Settings, data, inputs.Device)
        {
            Folder = FolderOf(job),
            InitialWeights = inputs.Init,
            Parallelism = ParallelSettings.Automatic,
        };
        TrainingRun.TrainToEnd(request, report, cancellation).Dispose();
        return ReadResult(job)!;
    }

    protected override SweepResult CreateDiverged(SweepTrial job, string error) => ReadResult(job)!;

    protected override SweepResult? ReadResult(SweepTrial job)
    {
        if (ReadInfo(job) is not { } run)
            return null;
        var differences = JsonFormat.Differences(
            new { run.Settings, Origin = Origin.Of(run.Versions, run.Device, run.Threads), run.Data.Sha256, run.Data.ImageSettings },
            new { job.Settings, saved.Value.Origin, saved.Value.Sha256, saved.Value.ImageSettings });
        if (differences.Length > 0)
            throw new IOException($"{FolderOf(job)} holds another run: {string.Join("; ", differences)}.");
        return run.Status switch
        {
            RunStatus.Finished => new SweepResult(job, null, RunRecord.Read(FolderOf(job)).Epochs, run.Parameters),
            RunStatus.Diverged => new SweepResult(job, run.Error, [], run.Parameters),
            _ => null,
        };
    }

    protected override void OnResult() => onResults?.Invoke(this);

    private RunInfo? ReadInfo(SweepTrial trial)
    {
        var path = Path.Combine(FolderOf(trial), RunFolder.InfoFile);
        return File.Exists(path) ? RunInfo.Read(path) : null;
    }

    // Finds a trial that cannot be trained before the first training starts.
    private void EnsureTrainable(IReadOnlyList<SweepTrial> selected)
    {
        foreach (var trial in selected.DistinctBy(trial => Relevant(trial.Settings)))
        {
            var data = inputs!.LoadData(trial.Settings);
            Try(trial, () =>
            {
                using var trainer = Trainer.Create(trial.Settings, data, CPU);
                using var initial = InitialWeights.Read(inputs.Init, trial.Settings.Architecture);
                initial?.CopyInto(trainer.Model, data.ClassNames);
            });
        }

        static object Relevant(TrainSettings settings) => (
            settings.Architecture, settings.BatchSize, settings.Validation, settings.Patience, settings.TrainLimit, settings.TestLimit,
            settings.Freeze);
    }

    private static void Try(SweepTrial trial, Action action)
    {
        try
        {
            action();
        }
        catch (UserException error)
        {
            throw new UserException($"{trial.Name} cannot be trained: {error.Message}", error);
        }
    }

    // Two processes may begin a sweep at once, so the info file is read back: it may be of another sweep.
    private void Begin(IReadOnlyList<string> arguments, IReadOnlyList<SweepTrial> selected)
    {
        var data = inputs!.LoadData(Jobs[0].Settings);
        var init = inputs.Init is { } path ? Convert.ToHexStringLower(SHA256.HashData(InputFile.ReadAllBytes(path))) : null;
        var info = new SweepInfo(grid.Parameters, arguments, Origin.Current(inputs.Device), data.Sha256, data.ImageSettings, init);
        if (IsNew(InfoPath))
        {
            Directory.CreateDirectory(Folder);
            AtomicFile.Write(InfoPath, stream => JsonSerializer.Serialize(stream, info, JsonFormat.Indented));
        }

        // If no result will be added, the origin may be another.
        var isDone = selected.All(trial => ReadInfo(trial) is { Status: RunStatus.Finished or RunStatus.Diverged });
        EnsureSame((isDone ? saved.Value with { Origin = info.Origin } : saved.Value).AsTyped, info.AsTyped);
    }
}

/// <summary>Data, device and initial weights of the trainings. Only one data set is in memory at a time.</summary>
/// <param name="load">Loads the first N training images and the first M test images; null for all.</param>
/// <param name="init">Path of the file with initial weights; null for random ones.</param>
internal sealed class SweepInputs(Func<int?, int?, DataSet> load, Device device, string? init) : IDisposable
{
    private (int? Train, int? Test) limits;
    private DataSet? loaded;

    public Device Device => device;
    public string? Init => init;

    /// <summary>Returns the data set with the limits of some settings. It stays valid until the next call with other limits.</summary>
    public DataSet LoadData(TrainSettings settings)
    {
        if (loaded is not null && limits == (settings.TrainLimit, settings.TestLimit))
            return loaded;
        Dispose();
        limits = (settings.TrainLimit, settings.TestLimit);
        return loaded = load(settings.TrainLimit, settings.TestLimit);
    }

    public void Dispose()
    {
        loaded?.Dispose();
        loaded = null;
    }
}

/// <param name="Error">Error message of a training that diverged; null for one that finished.</param>
/// <param name="Epochs">Metrics of each epoch; empty for a training that diverged.</param>
internal sealed record SweepResult(SweepTrial Trial, string? Error, IReadOnlyList<EpochMetrics> Epochs, long Parameters)
{
    /// <summary>The best epoch by validation, or the last one without validation images; null if the training diverged.</summary>
    [JsonIgnore]
    public EpochMetrics? Chosen => Epochs is [.., { ValidationAccuracy: null } last] ? last : EpochMetrics.Best(Epochs);

    [JsonIgnore]
    public double Seconds => Epochs.Sum(epoch => epoch.TrainSeconds + epoch.TestSeconds);

    /// <summary>Creates the row of <c>results.csv</c>.</summary>
    public Dictionary<string, object?> CreateRow(Grid grid)
    {
        Dictionary<string, object?> row = [];
        foreach (var (parameter, value) in grid.Parameters.Zip(Trial.Values))
            row[parameter.Name.Replace('-', '_')] = value;
        row["status"] = Error is null ? "finished" : "diverged";
        row["error"] = Error;
        row["parameters"] = Parameters;
        row["epochs_done"] = Epochs.Count;
        row["epoch"] = Chosen?.Epoch;
        row["train_loss"] = Chosen?.TrainLoss;
        row["test_loss"] = Chosen?.TestLoss;
        row["test_accuracy"] = Chosen?.TestAccuracy;
        row["validation_accuracy"] = Chosen?.ValidationAccuracy;
        row["seconds"] = Seconds;
        return row;
    }
}
