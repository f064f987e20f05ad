using MnistCnn.Runtime;

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

/// <param name="Number">Number of the current job, from 1.</param>
/// <param name="Fraction">Fraction of all work that is done.</param>
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

    public void Advance(Job job, double fraction, bool isDone = false) =>
        report(new JobProgress(doneCount + 1, count, job.Name, (doneWork + fraction * job.Work) / work, isDone));

    public void Complete(Job job)
    {
        Advance(job, 1, isDone: true);
        Skip(job);
    }
}

/// <summary>
/// Program and kind of machine that computed a result. All results in a folder have one origin: another version, device, instruction set
/// or number of threads rounds differently, and its results do not belong in the same confidence interval.
/// </summary>
/// <param name="Device">Type of the device, without its index: cpu, cuda or mps.</param>
/// <param name="Processor">Instruction set of the processor: X64, Arm64.</param>
/// <param name="Threads">Threads of one operation on the CPU.</param>
internal sealed record Origin(string Program, string Libtorch, string Device, string Processor, int Threads)
{
    /// <summary>Returns the origin of results that this process computes.</summary>
    public static Origin Current(Device device) => Of(Versions.All, device.ToString(), get_num_threads());

    /// <summary>Returns the origin of a saved result.</summary>
    /// <param name="versions">Versions by name, see <see cref="Versions.All"/>.</param>
    /// <param name="device">Name of the device: cpu, cuda:0, mps.</param>
    public static Origin Of(IReadOnlyDictionary<string, string> versions, string device, int threads) => new(
        Program: versions.GetValueOrDefault("mnist_cnn", ""),
        Libtorch: versions.GetValueOrDefault("libtorch", ""),
        Device: device.Split(':')[0],
        Processor: versions.GetValueOrDefault("os", "").Split(' ')[^1],
        threads);
}
