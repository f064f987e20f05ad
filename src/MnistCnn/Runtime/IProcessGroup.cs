using static TorchSharp.torch;

namespace MnistCnn.Runtime;

/// <summary>
/// The processes that train one network together. Every rank makes the same calls in the same order. Only rank 0 talks to the user and
/// writes files.
/// </summary>
internal interface IProcessGroup : IDisposable
{
    /// <summary>Number of this process, from 0.</summary>
    int Rank { get; }

    int WorldSize { get; }

    /// <summary>Number of ranks on this machine that share this rank's cores, itself included.</summary>
    int RanksOnSameCores { get; }

    /// <summary>Seconds spent waiting for other ranks and for the network; null for a single process.</summary>
    double? SecondsWaited { get; }

    /// <summary>This rank's shard of a sequence; see <see cref="Sharding.Shard"/>.</summary>
    (long Start, long Count) Shard(long total) => Sharding.Shard(total, Rank, WorldSize);

    /// <summary>Replaces values by their sums over all ranks.</summary>
    /// <param name="values">Float32 or uint8, contiguous, on the CPU, of the same size on every rank.</param>
    void AllReduceSum(Tensor values);

    /// <summary>Returns the largest of the ranks' values.</summary>
    int AllReduceMax(int value);

    /// <summary>Returns the rows of all ranks, ordered by rank.</summary>
    /// <param name="rows">(any, ...), on the CPU; all ranks have the same dtype and trailing dimensions.</param>
    Tensor AllGather(Tensor rows);

    /// <summary>Returns the texts of all ranks, ordered by rank.</summary>
    string[] AllGatherText(string text);

    /// <summary>Runs work on every rank. If it fails on one, every rank disposes its result and throws that rank's error.</summary>
    /// <exception cref="UserException">The work failed on another rank.</exception>
    T RunOnAll<T>(Func<T> work)
        where T : IDisposable?;

    /// <summary>Inside <see cref="RunOnAll"/>: continues only if no rank has failed so far and all ranks have the same value.</summary>
    /// <exception cref="UserException">A rank has failed, or has another value.</exception>
    void AgreeOn(string value);

    /// <summary>Runs work. An error on this rank alone, any but <see cref="UserException"/>, is printed and ends all ranks.</summary>
    int RunOrAbort(Func<int> work);
}

internal static class ProcessGroupExtensions
{
    /// <summary>Returns whether the condition holds on at least one rank.</summary>
    public static bool AnyRank(this IProcessGroup group, bool condition) => group.AllReduceMax(condition ? 1 : 0) > 0;
}

/// <summary>The group of a process that trains on its own.</summary>
internal sealed class SingleProcess : IProcessGroup
{
    public static SingleProcess Instance { get; } = new();

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

    public T RunOnAll<T>(Func<T> work)
        where T : IDisposable? => work();

    public void AgreeOn(string value)
    {
    }

    public int RunOrAbort(Func<int> work) => work();

    public void Dispose()
    {
    }
}

internal static class Sharding
{
    /// <summary>Returns one of <paramref name="count"/> contiguous shards of a sequence, whose sizes differ by at most 1.</summary>
    public static (long Start, long Count) Shard(long total, int index, int count) =>
        (total * index / count, total * (index + 1) / count - total * index / count);
}
