using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>Who trains one network together. Each takes a share of every batch, so that it is the same training, but for rounding.</summary>
/// <param name="Replicas">
/// How many replicas of the network this process has, each with its share of the threads, 1 or more. Null: two, where torch has two threads or
/// more, a batch two images or more, and the network can have replicas; otherwise one. Not as many as there are threads, so that the result
/// depends less on the machine. Of an odd number of threads, one is not used.
/// </param>
internal sealed record ParallelSettings(int? Replicas = 1)
{
    /// <summary>The ranks that train together.</summary>
    public IProcessGroup Group { get; init; } = SingleProcess.Instance;

    /// <summary>What trains where nothing else is asked for: this process alone, with as many replicas as it decides.</summary>
    public static ParallelSettings Automatic { get; } = new(Replicas: null);
}
