namespace MnistCnn.Training;

/// <summary>Receives the metrics of a training run, on the training thread.</summary>
internal interface ITrainingCallback
{
    void OnStepEnd(StepMetrics step)
    {
    }

    /// <summary>Runs after the evaluation of each epoch.</summary>
    void OnEpochEnd(EpochMetrics epoch)
    {
    }
}

/// <param name="progress">Receives the finished fraction of the run, from 0 to 1.</param>
internal sealed class ProgressCallback(int epochs, Action<double> progress) : ITrainingCallback
{
    public void OnStepEnd(StepMetrics step) => progress((step.Epoch - 1 + (double)step.Step / step.Steps) / epochs);
}
