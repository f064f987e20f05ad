namespace MnistCnn.Runtime;

/// <summary>Processes that train a network. All ranks make the same calls in the same order. Only rank 0 prints and writes files.</summary>
internal interface IProcessGroup : IDisposable
{
    /// <summary>Number of this process, from 0.</summary>
    int Rank { get; }

    int WorldSize { get; }

    /// <summary>Number of ranks on this machine that may use the same cores, this one included.</summary>
    int RanksOnSameCores { get; }

    /// <summary>Seconds that this rank has waited for other ranks and the network; null for a single process.</summary>
    double? SecondsWaited { get; }

    /// <summary>Returns this rank's shard of a sequence.</summary>
    (long Start, long Count) Shard(long total) => Shard(total, Rank, WorldSize);

    /// <summary>Returns one of <paramref name="count"/> contiguous shards of a sequence, whose sizes differ by at most 1.</summary>
    static (long Start, long Count) Shard(long total, int index, int count) =>
        (total * index / count, total * (index + 1) / count - total * index / count);

    /// <summary>Replaces float32 values by their sums over all ranks.</summary>
    /// <param name="values">Contiguous, on the CPU, of the same size on every rank.</param>
    void AllReduceSum(Tensor values);

    int AllReduceMax(int value);

    bool AnyRank(bool condition) => AllReduceMax(condition ? 1 : 0) > 0;

    /// <summary>Returns the rows of all ranks, in the order of the ranks.</summary>
    /// <param name="rows">(any, ...), on the CPU; dtype and the other dimensions are the same on every rank.</param>
    Tensor AllGather(Tensor rows);

    /// <summary>Returns one text per rank.</summary>
    string[] AllGatherText(string text);

    /// <summary>Runs work that may fail on one rank; every rank then disposes its result and throws that rank's error.</summary>
    /// <exception cref="UserException">The work failed on a rank of several.</exception>
    T RunOnAll<T>(Func<T> work) where T : IDisposable?;

    /// <summary>Runs work. Any error but a <see cref="UserException"/>, which all ranks throw, is printed and ends all ranks.</summary>
    int RunOrAbort(Func<int> work);
}

internal sealed class SingleProcess : IProcessGroup
{
    public static IProcessGroup Instance { get; } = new SingleProcess();

    public int Rank => 0;
    public int WorldSize => 1;
    public int RanksOnSameCores => 1;
    public double? SecondsWaited => null;

    public void AllReduceSum(Tensor values)
    {
    }

    public int AllReduceMax(int value) => value;
    public Tensor AllGather(Tensor rows) => rows;
    public string[] AllGatherText(string text) => [text];
    public T RunOnAll<T>(Func<T> work) where T : IDisposable? => work();
    public int RunOrAbort(Func<int> work) => work();

    public void Dispose()
    {
    }
}
