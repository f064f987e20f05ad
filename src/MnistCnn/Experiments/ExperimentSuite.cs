using MnistCnn.Charts;
using MnistCnn.Files;
using MnistCnn.Jobs;
using MnistCnn.Runs;
using MnistCnn.Runtime;

namespace MnistCnn.Experiments;

/// <summary>Several experiments, one after the other, each in its own folder below one.</summary>
internal sealed class ExperimentSuite : IDisposable
{
    /// <summary>Name on the command line.</summary>
    public const string Name = "all";

    private readonly FolderLock folderLock;
    private readonly ExperimentStatus[] statuses;

    // Reads earlier results before anything is written: a suite that is stopped early keeps them in its report.
    private ExperimentSuite(FolderLock folderLock, IEnumerable<Experiment> experiments)
    {
        this.folderLock = folderLock;
        statuses = [.. experiments.Select(experiment => experiment.Read(FolderOf(experiment)) ?? new ExperimentStatus(experiment))];
    }

    public string Folder => folderLock.Folder;

    public IReadOnlyList<ExperimentStatus> Statuses => statuses;

    /// <summary>Opens a folder, new or of an earlier start.</summary>
    /// <param name="folder">The folder; null for the next unused name <c>runs/all-TIME</c>.</param>
    /// <param name="reports">Names of the files beside the experiments' folders.</param>
    /// <exception cref="IOException">The folder cannot be written, is in use, or holds something else.</exception>
    /// <exception cref="InvalidDataException">A file of an experiment is damaged.</exception>
    public static ExperimentSuite Open(IReadOnlyList<Experiment> experiments, string? folder, IReadOnlyList<string> reports)
    {
        var folderLock = folder is null ? FolderLock.AcquireNew(Name, DateTimeOffset.Now) : FolderLock.Acquire(folder);
        using var guard = new DisposeOnError(folderLock);
        foreach (var report in reports)
            AtomicFile.DeleteLeftovers(Path.Combine(folderLock.Folder, report));
        var known = experiments.Select(experiment => experiment.Name).Concat(reports).ToHashSet();
        var names = Directory.EnumerateFileSystemEntries(folderLock.Folder).Select(path => Path.GetFileName(path));
        if (names.Any(name => !known.Contains(name) && !FolderLock.IsLock(name) && !name.StartsWith('.'))) // .DS_Store of macOS
            throw new IOException($"{folderLock.Folder} is not empty, and not of all experiments.").With(Remedy.ChooseFolder);
        return guard.Complete(new ExperimentSuite(folderLock, experiments));
    }

    /// <summary>
    /// Measures the experiments that are not finished, one after the other, and reports on each. An experiment that cannot be measured,
    /// for instance because its networks do not accept the images, has a <see cref="ExperimentStatus.Problem"/>; the next one follows.
    /// </summary>
    /// <exception cref="IOException">A file cannot be written, or a worker failed.</exception>
    public void Measure(IExperimentOptions options, IExperimentObserver observer, CancellationToken cancellation)
    {
        for (var index = 0; index < statuses.Length && !cancellation.IsCancellationRequested; index++)
        {
            observer.OnExperimentStart(statuses[index].Experiment, index + 1, statuses.Length);
            statuses[index] = Measure(statuses[index].Experiment, options, cancellation);
            observer.OnExperimentEnd(this, statuses[index]);
        }
    }

    public void Dispose() => folderLock.Dispose();

    private ExperimentStatus Measure(Experiment experiment, IExperimentOptions options, CancellationToken cancellation)
    {
        ExperimentRequest? request = null;
        IExperimentRun? run = null;
        try
        {
            request = options.CreateRequest(experiment, FolderOf(experiment)) with { MayBeFinished = true };
            run = experiment.Open(request);
            if (run.Status.Info!.Status != RunStatus.Finished)
                run.Measure(options.CreateWorkers(experiment, run.Folder), cancellation);
            return run.Status;
        }
        catch (UserException error)
        {
            return (run?.Status ?? new ExperimentStatus(experiment)) with { Problem = error.Message };
        }
        finally
        {
            run?.Dispose();
            request?.Data.Dispose();
        }
    }

    private string FolderOf(Experiment experiment) => Path.Combine(Folder, experiment.Name);
}

/// <summary>Prepares each experiment of a suite as the command line asks: settings, images, workers.</summary>
internal interface IExperimentOptions
{
    /// <summary>Creates the settings of an experiment and loads its images. The caller disposes them.</summary>
    ExperimentRequest CreateRequest(Experiment experiment, string? folder);

    /// <summary>Describes the worker processes of an experiment: number and command line. Null if its trials run in this process.</summary>
    Workers? CreateWorkers(Experiment experiment, string folder);
}

internal interface IExperimentRun : IDisposable
{
    string Folder { get; }

    ExperimentStatus Status { get; }

    /// <summary>Runs the trials that are not done, writes the results after each, and draws the plot again.</summary>
    /// <param name="workers">Processes that run trials side by side; null for this process.</param>
    /// <returns>Whether the experiment finished; false if it was cancelled.</returns>
    /// <exception cref="IOException">A file cannot be written, or a worker failed.</exception>
    /// <exception cref="Runtime.UserException">A network cannot be trained, or all trainings diverged.</exception>
    bool Measure(Workers? workers, CancellationToken cancellation);

    /// <summary>Runs the trials that standard input names, in a folder that another process has opened.</summary>
    void ServeWorker(CancellationToken cancellation);
}

/// <summary>Shows the progress of experiments and draws their plots.</summary>
internal interface IExperimentObserver
{
    /// <summary>Shows the progress that <paramref name="work"/> reports until it returns.</summary>
    void ShowProgress(Action<Action<JobProgress>> work);

    /// <summary>Draws images of a trial into the folder of its experiment, in the process that runs the trial.</summary>
    void OnImages(string folder, ImageGrid images);

    void OnResults(string folder, ExperimentInfo info, ExperimentResults results);

    void OnExperimentStart(Experiment experiment, int number, int count);

    void OnExperimentEnd(ExperimentSuite suite, ExperimentStatus status);
}
