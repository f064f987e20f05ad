namespace MnistCnn.Training;

/// <summary>Is told how a training run goes, on the thread that trains.</summary>
internal interface ITrainingCallback
{
    /// <summary>A step is done.</summary>
    void OnStepEnd(StepMetrics step)
    {
    }

    /// <summary>An epoch is done, its test included.</summary>
    void OnEpochEnd(EpochMetrics epoch);
}
