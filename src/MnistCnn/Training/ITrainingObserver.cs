namespace MnistCnn.Training;

/// <summary>Is told how a training run goes, on the thread that trains.</summary>
internal interface ITrainingObserver
{
    /// <summary>A step is done.</summary>
    void OnStep(StepMetrics step)
    {
    }

    /// <summary>An epoch is done, its test included.</summary>
    void OnEpoch(EpochMetrics epoch);
}
