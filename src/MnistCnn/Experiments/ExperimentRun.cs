using System.Text;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Jobs;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Experiments;

/// <summary>
/// An experiment in its folder: <c>experiment.json</c> is its record, <c>trials.jsonl</c> has one line per finished trial, and each
/// trial's training is a run in a folder below.
/// </summary>
internal sealed class ExperimentRun<TRow> : JobFolder<Trial<TRow>, TrialResult<TRow>>, IExperimentRun
    where TRow : IMeasuredRow
{
    private readonly Experiment<TRow> experiment;
    private readonly DataSet data;
    private readonly Device device;
    private readonly IExperimentObserver observer;
    private readonly FolderLock? folderLock;
    private readonly Dictionary<string, TrialResult<TRow>> saved;
    private readonly double secondsBefore;
    private ExperimentInfo info;
    private ExperimentResults results;

    private ExperimentRun(
        Experiment<TRow> experiment,
        IReadOnlyList<Trial<TRow>> trials,
        DataSet data,
        Device device,
        IExperimentObserver observer,
        string folder,
        FolderLock? folderLock,
        ExperimentInfo info,
        bool mayBeFinished)
        : base(folder, trials)
    {
        (this.experiment, this.data, this.device, this.observer) = (experiment, data, device, observer);
        this.folderLock = folderLock;
        if (folderLock is not null)
            DeleteLeftovers();
        var savedInfo = folderLock is null || IsNew(InfoPath) ? null : ReadSaved(info, mayBeFinished);
        saved = savedInfo is null ? [] : ReadTrials();
        secondsBefore = savedInfo?.Seconds ?? 0;
        this.info = savedInfo is { Status: RunStatus.Finished } ? savedInfo : info;
        results = experiment.Conclude(ReadResults());
    }

    public ExperimentStatus Status => new(experiment, info, results, ExperimentStatus.FilesIn(Folder));

    protected override string Kind => "experiment";

    private string InfoPath => Path.Combine(Folder, ExperimentInfo.FileName);

    private string TrialsPath => Path.Combine(Folder, TrialResult.FileName);

    private string MeasurementsPath => Path.Combine(Folder, "measurements.csv");

    /// <inheritdoc cref="Experiment.Open"/>
    public static ExperimentRun<TRow> Open(
        Experiment<TRow> experiment,
        ExperimentSettings settings,
        DataSet data,
        Device device,
        IExperimentObserver observer,
        string? folder,
        bool mayBeFinished)
    {
        Trial<TRow>[] trials = [.. experiment.Trials(settings, TrainableModel.ShapeOf(data))];
        var info = CreateInfo(experiment, settings, data, device);
        var folderLock = folder is null ? FolderLock.AcquireNew(experiment.Name, info.Started) : FolderLock.Acquire(folder);
        try
        {
            return new ExperimentRun<TRow>(experiment, trials, data, device, observer, folderLock.Folder, folderLock, info, mayBeFinished);
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
    }

    /// <summary>Creates an experiment that only serves as a worker: the process that started it holds the lock and writes the files.</summary>
    public static ExperimentRun<TRow> CreateForWorker(
        Experiment<TRow> experiment, ExperimentSettings settings, DataSet data, Device device, IExperimentObserver observer, string folder)
    {
        Trial<TRow>[] trials = [.. experiment.Trials(settings, TrainableModel.ShapeOf(data))];
        var info = CreateInfo(experiment, settings, data, device);
        return new ExperimentRun<TRow>(experiment, trials, data, device, observer, folder, folderLock: null, info, mayBeFinished: false);
    }

    public bool Measure(Workers? workers, CancellationToken cancellation)
    {
        try
        {
            WriteInfo(RunStatus.Running);
            if (ReadResults().Count > 0)
                OnResult();
            observer.ShowProgress(report => Run(Jobs, workers, report, cancellation));
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
            try
            {
                WriteInfo(RunStatus.Failed, error.Message);
            }
            catch (Exception second) when (second is IOException or UnauthorizedAccessException)
            {
                // The first error is the one to report, and may have the same cause.
            }

            throw;
        }
    }

    public void Dispose() => folderLock?.Dispose();

    protected override TrialResult<TRow> Do(Trial<TRow> job, Action<double> report, CancellationToken cancellation)
    {
        var context = new TrialContext(
            info.Settings, data, device, FolderOf(job), report, images => observer.OnImages(Folder, images), cancellation);
        return new TrialResult<TRow>(job.Name, [.. job.Measure(context)]);
    }

    protected override TrialResult<TRow> CreateDiverged(Trial<TRow> job, string error) => new(job.Name, [], error);

    protected override TrialResult<TRow>? ReadResult(Trial<TRow> job) => saved.GetValueOrDefault(job.Name);

    protected override void OnResult()
    {
        var trials = ReadResults();
        results = experiment.Conclude(trials);
        TRow[] rows = [.. trials.SelectMany(trial => trial.Rows)];
        if (rows.Length > 0)
            CsvFile.Write(MeasurementsPath, rows);
        observer.OnResults(Folder, info, results);
        Write(TrialsPath, string.Concat(trials.Select(trial => JsonSerializer.Serialize(trial, JsonFormat.Line) + "\n")));
    }

    private static ExperimentInfo CreateInfo(Experiment experiment, ExperimentSettings settings, DataSet data, Device device) =>
        new(experiment.Name, experiment.Claim, settings, $"{device}", get_num_threads(), Versions.All, RunData.Of(data), DateTimeOffset.Now);

    private static void Write(string path, string text) => AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    private void DeleteLeftovers()
    {
        foreach (var path in new[] { InfoPath, TrialsPath, MeasurementsPath, Path.Combine(Folder, ExperimentStatus.PlotFile) })
            AtomicFile.DeleteLeftovers(path);
    }

    // Another folder with the same files is the same data. A finished experiment gets no more results, so it may have another origin.
    private ExperimentInfo ReadSaved(ExperimentInfo current, bool mayBeFinished)
    {
        var savedInfo = ExperimentInfo.Read(Folder)!;
        var isFinished = savedInfo.Status == RunStatus.Finished;
        if (isFinished && !mayBeFinished)
            throw new IOException($"{Folder} holds an experiment already.").With(Remedy.ChooseFolder);
        EnsureSame(
            new { savedInfo.Experiment, savedInfo.Settings, Data = savedInfo.Data with { Folder = "" }, savedInfo.Origin },
            new
            {
                current.Experiment,
                current.Settings,
                Data = current.Data with { Folder = "" },
                Origin = isFinished ? savedInfo.Origin : current.Origin,
            });
        return savedInfo;
    }

    private Dictionary<string, TrialResult<TRow>> ReadTrials()
    {
        var trials = Experiment<TRow>.ReadTrials(Folder);
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
            Verdict = results.Verdict,
        };
        Write(InfoPath, JsonSerializer.Serialize(info, JsonFormat.Indented));
    }
}
