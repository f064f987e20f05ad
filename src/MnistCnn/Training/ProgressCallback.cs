namespace MnistCnn.Training;

/// <summary>Tells which share of a training is done.</summary>
/// <param name="epochs">How many epochs it has.</param>
/// <param name="progress">Is told the share, from 0 to 1.</param>
internal sealed class ProgressCallback(int epochs, Action<double> progress) : ITrainingCallback
{
    /// <inheritdoc/>
    public void OnStepEnd(StepMetrics step) => progress((step.Epoch - 1 + (double)step.Step / step.Steps) / epochs);

    /// <inheritdoc/>
    public void OnEpochEnd(EpochMetrics epoch)
    {
    }
}
