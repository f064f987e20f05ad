using MnistCnn.Files;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Jobs;

/// <summary>
/// A folder with the results of a list of jobs. A stopped or killed process loses no result, and an interrupted training is resumed from
/// its checkpoint. A job runs in this process or in a worker process. A training that diverges is a result; any other failure ends the
/// work.
/// </summary>
internal abstract class JobFolder<TJob, TResult>(string folder, IReadOnlyList<TJob> jobs)
    where TJob : Job
    where TResult : class
{
    private readonly Lock resultLock = new();
    private readonly Dictionary<string, TResult> results = [];

    public string Folder { get; } = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));

    /// <summary>All jobs, in the order of their results.</summary>
    public IReadOnlyList<TJob> Jobs => jobs;

    /// <summary>Noun for error messages: "sweep".</summary>
    protected abstract string Kind { get; }

    /// <summary>Returns the results so far, in the order of the jobs.</summary>
    public IReadOnlyList<TResult> ReadResults() => [.. jobs.Select(FindResult).OfType<TResult>()];

    /// <summary>Does the jobs that standard input names, and answers each with its result on standard output.</summary>
    public void ServeWorker(CancellationToken cancellation) =>
        WorkerProcess.Serve((name, end) => JsonSerializer.Serialize(Answer(name, end), JsonFormat.Line), cancellation);

    /// <summary>Does some of the jobs, unless their results are there.</summary>
    /// <param name="workers">Processes that do the jobs; null to do them one after the other in this process.</param>
    /// <exception cref="OperationCanceledException">A signal stopped the process; trainings have written their checkpoints.</exception>
    protected void Run(IReadOnlyList<TJob> selected, Workers? workers, Action<JobProgress> report, CancellationToken cancellation)
    {
        var tracker = new JobProgressTracker(selected.Count, selected.Sum(job => job.Work), report);
        var open = selected.ToLookup(job => FindResult(job) is null);
        foreach (var job in open[false])
        {
            tracker.Skip(job);
            RunFolder.DeleteResumeFiles(FolderOf(job));
        }

        if (open[true].FirstOrDefault() is { } first)
            tracker.Advance(first, 0);
        if (workers is null)
            RunHere(open[true], tracker, cancellation);
        else
            RunInWorkers(open[true], workers, tracker, cancellation).GetAwaiter().GetResult();
    }

    /// <param name="report">Receives the fraction of the job that is done.</param>
    protected abstract TResult Do(TJob job, Action<double> report, CancellationToken cancellation);

    protected abstract TResult CreateDiverged(TJob job, string error);

    /// <summary>Reads the result of a job that an earlier or another process did; null if the job is not done.</summary>
    protected abstract TResult? ReadResult(TJob job);

    /// <summary>Writes the files that summarize the results, after each job.</summary>
    protected abstract void OnResult();

    protected string FolderOf(TJob job) => Path.Combine(Folder, job.FolderName);

    /// <summary>Whether no work was started in the folder. Other files in it are an error: results must not mix with them.</summary>
    protected bool IsNew(string infoPath)
    {
        if (File.Exists(infoPath))
            return false;

        // Another process may be writing the info file right now.
        var isForeign = Directory.Exists(Folder) && Directory.EnumerateFileSystemEntries(Folder)
            .Any(entry => !FolderLock.IsLock(entry) && !entry.StartsWith(infoPath, StringComparison.Ordinal));
        return isForeign && !File.Exists(infoPath)
            ? throw new IOException($"{Folder} is not empty, but holds no {Kind}.").With(Remedy.ChooseFolder)
            : true;
    }

    /// <summary>Fails if the folder was started with other settings, data or origin; the message names each difference.</summary>
    protected void EnsureSame<TIdentity>(TIdentity saved, TIdentity current)
    {
        if (JsonFormat.Differences(saved, current) is { Length: > 0 } differences)
            throw new IOException($"{Folder} holds another {Kind}: {string.Join("; ", differences)}.").With(Remedy.ChooseFolder);
    }

    private void RunHere(IEnumerable<TJob> open, JobProgressTracker tracker, CancellationToken cancellation)
    {
        foreach (var job in open)
        {
            cancellation.ThrowIfCancellationRequested();
            Complete(job, DoOrDiverge(job, fraction => tracker.Advance(job, fraction), cancellation), tracker);
        }
    }

    private async Task RunInWorkers(IEnumerable<TJob> open, Workers workers, JobProgressTracker tracker, CancellationToken cancellation)
    {
        var queue = new ConcurrentQueue<TJob>(open);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var count = Math.Min(workers.Count, queue.Count);
        await Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Run(RunWorker, CancellationToken.None)));

        async Task RunWorker()
        {
            try
            {
                using var worker = new WorkerProcess(workers.Arguments);
                while (!end.IsCancellationRequested && queue.TryDequeue(out var job))
                {
                    var answer = JsonFormat.Parse<WorkerAnswer>(await worker.SendAsync(job.Name, end.Token), "The answer of a worker");
                    Complete(job, answer.Result ?? throw answer.ToError(), tracker);
                }
            }
            catch
            {
                await end.CancelAsync();
                throw;
            }

            cancellation.ThrowIfCancellationRequested();
        }
    }

    private WorkerAnswer Answer(string name, CancellationToken cancellation)
    {
        try
        {
            return new WorkerAnswer(DoOrDiverge(jobs.First(job => job.Name == name), _ => { }, cancellation));
        }
        catch (UserException error)
        {
            return new WorkerAnswer(null, error.Message, Remedies.Of(error)?.Remedy, Remedies.Of(error)?.Value);
        }
    }

    private TResult DoOrDiverge(TJob job, Action<double> report, CancellationToken cancellation)
    {
        try
        {
            return Do(job, report, cancellation);
        }
        catch (DivergenceException error)
        {
            return CreateDiverged(job, error.Message);
        }
    }

    // The checkpoint goes last: until the result is written, it saves the training.
    private void Complete(TJob job, TResult result, JobProgressTracker tracker)
    {
        lock (resultLock)
        {
            results[job.Name] = result;
            OnResult();
            RunFolder.DeleteResumeFiles(FolderOf(job));
            tracker.Complete(job);
        }
    }

    private TResult? FindResult(TJob job)
    {
        if (!results.TryGetValue(job.Name, out var result) && (result = ReadResult(job)) is not null)
            results.Add(job.Name, result);
        return result;
    }

    private sealed record WorkerAnswer(TResult? Result, string? Error = null, Remedy? Remedy = null, string? RemedyValue = null)
    {
        public UserException ToError() =>
            Remedy is { } remedy ? new UserException(Error!).With(remedy, RemedyValue) : new UserException(Error!);
    }
}
