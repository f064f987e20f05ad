namespace MnistCnn.Training;

/// <summary>How far a run is.</summary>
/// <param name="Epoch">The epoch in hand, from 1.</param>
/// <param name="Step">How many steps of it are done.</param>
/// <param name="LossSum">The losses of those steps, each times its images.</param>
/// <param name="ImageSum">The images of those steps.</param>
/// <param name="History">What was measured in the epochs that are over.</param>
public sealed record TrainingState(int Epoch, int Step, double LossSum, long ImageSum, IReadOnlyList<EpochMetrics> History)
{
    /// <summary>Before the first step.</summary>
    public static TrainingState Start { get; } = new(1, 0, 0, 0, []);
}
