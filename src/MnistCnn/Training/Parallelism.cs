using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>Who trains one network together. Each takes a share of every batch, so that it is the same training, but for rounding.</summary>
/// <param name="Replicas">
/// How many replicas of the network this process has, each with a thread of its own, 1 or more. Null: two, where torch has two threads or
/// more and the network can have replicas, otherwise one. Not as many as there are threads, so that the bits are the same on four cores and on eight.
/// </param>
/// <param name="Group">The processes, or null where this one is alone.</param>
public sealed record Parallelism(int? Replicas = 1, ProcessGroup? Group = null)
{
    /// <summary>What is fastest in this process alone.</summary>
    public static Parallelism Automatic { get; } = new(Replicas: null);
}
