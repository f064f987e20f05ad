using MnistCnn.Files;
using MnistCnn.Jobs;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Experiments;

/// <summary>An experiment in its folder: <c>experiment.json</c>, <c>trials.jsonl</c> with finished trials, and their runs.</summary>
internal sealed class ExperimentRun<TRow> : JobFolder<Trial<TRow>, TrialResult<TRow>>, IExperimentRun
    where TRow : IMeasuredRow
{
    private readonly Experiment<TRow> experiment;
    private readonly ExperimentRequest request;
    private readonly FolderLock? folderLock;
    private readonly Dictionary<string, TrialResult<TRow>> saved;
    private readonly double secondsBefore;
    private ExperimentInfo info;
    private ExperimentResults results;

    private ExperimentRun(
        Experiment<TRow> experiment, ExperimentRequest request, Trial<TRow>[] trials, ExperimentInfo info, FolderLock? owned)
        : base(owned?.Folder ?? request.Folder!, trials)
    {
        (this.experiment, this.request, this.folderLock) = (experiment, request, owned);
        var savedInfo = owned is null ? null : ReadSaved(info);
        saved = savedInfo is null ? [] : ReadTrials();
        secondsBefore = savedInfo?.Seconds ?? 0;
        this.info = savedInfo is { Status: RunStatus.Finished } ? savedInfo : info;
        results = Conclude();
    }

    public ExperimentStatus Status => new(experiment, info, results, ExperimentStatus.FilesIn(Folder));
    protected override string Kind => "experiment";
    private string InfoPath => Path.Combine(Folder, ExperimentInfo.FileName);
    private string TrialsPath => Path.Combine(Folder, TrialResult<TRow>.FileName);
    private string MeasurementsPath => Path.Combine(Folder, "measurements.csv");

    /// <inheritdoc cref="Experiment.Open"/>
    public static ExperimentRun<TRow> Open(Experiment<TRow> experiment, ExperimentRequest request)
    {
        Trial<TRow>[] trials = [.. experiment.Trials(request.Settings, TrainableModel.ShapeOf(request.Data))];
        var info = ExperimentInfo.Create(experiment, request);
        if (request.IsWorker)
            return new ExperimentRun<TRow>(experiment, request, trials, info, owned: null);
        var folderLock = request.Folder is { } folder ? FolderLock.Acquire(folder) : FolderLock.AcquireNew(experiment.Name, info.Started);
        using var guard = new DisposeOnError(folderLock);
        return guard.Complete(new ExperimentRun<TRow>(experiment, request, trials, info, folderLock));
    }

    public bool Measure(Workers? workers, CancellationToken cancellation)
    {
        try
        {
            WriteInfo(RunStatus.Running);
            if (ReadResults().Count > 0)
                OnResult();
            request.Observer.ShowProgress(report => Run(Jobs, workers, report, cancellation));
            if (results.Seeds == 0)
                throw new UserException($"All trainings diverged. The first: {results.Diverged[0]}");
            WriteInfo(RunStatus.Finished);
            return true;
        }
        catch (Exception error) when (error is OperationCanceledException or IOException && cancellation.IsCancellationRequested)
        {
            WriteInfo(RunStatus.Stopped);
            return false;
        }
        catch (Exception error)
        {
            FileErrors.Try(() => WriteInfo(RunStatus.Failed, error.Message)); // the first error is reported, and may have the same cause
            throw;
        }
    }

    public void Dispose() => folderLock?.Dispose();

    protected override TrialResult<TRow> Do(Trial<TRow> job, Action<double> report, CancellationToken cancellation) =>
        new(job.Name, [.. job.Measure(new TrialContext(request, Folder, FolderOf(job), report, cancellation))]);

    protected override TrialResult<TRow> CreateDiverged(Trial<TRow> job, string error) => new(job.Name, [], error);

    protected override TrialResult<TRow>? ReadResult(Trial<TRow> job) => saved.GetValueOrDefault(job.Name);

    protected override void OnResult()
    {
        var trials = ReadResults();
        results = Conclude();
        TRow[] rows = [.. trials.SelectMany(trial => trial.Rows)];
        if (rows.Length > 0)
            CsvFile.Write(MeasurementsPath, rows);
        request.Observer.OnResults(Folder, info, results);
        AtomicFile.WriteText(TrialsPath, string.Concat(trials.Select(trial => JsonSerializer.Serialize(trial, JsonFormat.Line) + "\n")));
    }

    private ExperimentResults Conclude()
    {
        var trials = ReadResults();
        return experiment.Conclude(trials, info.Data.TestImages, isInterim: trials.Count < Jobs.Count);
    }

    // The same files in another folder are the same data. A finished experiment gets no more results, so it may have another origin.
    private ExperimentInfo? ReadSaved(ExperimentInfo current)
    {
        foreach (var path in new[] { InfoPath, TrialsPath, MeasurementsPath, Path.Combine(Folder, ExperimentStatus.PlotFile) })
            AtomicFile.DeleteLeftovers(path);
        if (IsNew(InfoPath))
            return null;
        var savedInfo = ExperimentInfo.Read(Folder)!;
        var isFinished = savedInfo.Status == RunStatus.Finished;
        if (isFinished && !request.MayBeFinished)
            throw new IOException($"{Folder} holds an experiment already.").With(Remedy.ChooseFolder);
        EnsureSame(savedInfo.IdentityOf(savedInfo.Origin), current.IdentityOf(isFinished ? savedInfo.Origin : current.Origin));
        return savedInfo;
    }

    private Dictionary<string, TrialResult<TRow>> ReadTrials()
    {
        var trials = TrialResult<TRow>.Read(Folder);
        var names = Jobs.Select(trial => trial.Name).ToHashSet();
        var damaged = trials.FirstOrDefault(trial => trial.Rows.Count == 0 == (trial.Diverged is null) || !names.Remove(trial.Name));
        return damaged is null
            ? trials.ToDictionary(trial => trial.Name)
            : throw new InvalidDataException(
                $"{TrialsPath} is damaged: '{damaged.Name}' is no trial, has no rows or is there twice. Delete the file to measure again.");
    }

    private void WriteInfo(RunStatus status, string? error = null)
    {
        var seconds = secondsBefore + (DateTimeOffset.Now - info.Started).TotalSeconds;
        info = info with
        {
            Status = status,
            Error = error,
            Seconds = status == RunStatus.Running && secondsBefore == 0 ? null : seconds,
            Verdicts = results.Verdicts,
        };
        AtomicFile.WriteText(InfoPath, JsonSerializer.Serialize(info, JsonFormat.Indented));
    }
}

/// <summary>A trial of an experiment, for instance one network with one seed.</summary>
internal sealed partial record Trial<TRow>(string Name, double Work, Func<TrialContext, IEnumerable<TRow>> Measure) : Job(Name, Work)
{
    public override string FolderName => NoLetters().Replace(Name.ToLowerInvariant(), "-");

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NoLetters();
}

/// <summary>A finished trial: a line of <c>trials.jsonl</c>. A trial that diverged has no rows.</summary>
internal sealed record TrialResult<TRow>(
    string Name,
    IReadOnlyList<TRow> Rows,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Diverged = null)
{
    public const string FileName = "trials.jsonl";

    /// <summary>Reads the finished trials in a folder, of which there may be none.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static IReadOnlyList<TrialResult<TRow>> Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        var lines = File.Exists(path) ? InputFile.ReadAllText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];
        return [.. lines.Select(line => JsonFormat.Parse<TrialResult<TRow>>(line, path))];
    }
}
