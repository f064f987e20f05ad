namespace MnistCnn.Training;

/// <summary>Tells which share of a training is done.</summary>
/// <param name="epochs">How many epochs it has.</param>
/// <param name="progress">Is told the share, from 0 to 1.</param>
internal sealed class TrainingProgress(int epochs, Action<double> progress) : ITrainingObserver
{
    /// <inheritdoc/>
    public void OnStep(StepMetrics step) => progress((step.Epoch - 1 + (double)step.Step / step.Steps) / epochs);

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch)
    {
    }
}
