namespace MnistCnn.Jobs;

/// <summary>A part of an experiment or a sweep that is done on its own, usually one training.</summary>
/// <param name="Name">Name for progress lines, unique in its folder.</param>
/// <param name="Work">Amount of work, in any unit that the jobs of a folder share.</param>
internal abstract record Job(string Name, double Work)
{
    /// <summary>Name of the run folder of its training.</summary>
    public virtual string FolderName => Name;
}

/// <summary>Processes that do jobs side by side.</summary>
/// <param name="Arguments">Command line that makes a process call <see cref="JobFolder{TJob, TResult}.ServeWorker"/>.</param>
internal sealed record Workers(int Count, IReadOnlyList<string> Arguments);

/// <summary>Progress of the jobs in a folder.</summary>
/// <param name="Number">Number of the current job, from 1.</param>
/// <param name="Name">Name of the current job.</param>
/// <param name="Fraction">Fraction of all work that is done.</param>
/// <param name="IsDone">Whether the current job is done.</param>
internal readonly record struct JobProgress(int Number, int Count, string Name, double Fraction, bool IsDone);

/// <summary>Counts the jobs that are done and reports each change.</summary>
internal sealed class JobProgressTracker(int count, double work, Action<JobProgress> report)
{
    private int doneCount;
    private double doneWork;

    /// <summary>Counts a job that was done before this start.</summary>
    public void Skip(Job job)
    {
        doneCount++;
        doneWork += job.Work;
    }

    /// <summary>Reports that a fraction of a job is done.</summary>
    public void Advance(Job job, double fraction) => Report(job, fraction, isDone: false);

    /// <summary>Reports that a job is done.</summary>
    public void Complete(Job job)
    {
        Report(job, 1, isDone: true);
        Skip(job);
    }

    private void Report(Job job, double fraction, bool isDone) =>
        report(new JobProgress(doneCount + 1, count, job.Name, (doneWork + fraction * job.Work) / work, isDone));
}
