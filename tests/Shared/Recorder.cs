using MnistCnn.Training;

namespace MnistCnn.Tests.Training;

/// <summary>Records all metrics of a training and calls optional actions.</summary>
internal sealed class Recorder(Action<StepMetrics>? onStep = null, Action? onEpoch = null) : ITrainingCallback
{
    public List<StepMetrics> Steps { get; } = [];

    public List<EpochMetrics> Epochs { get; } = [];

    public void OnStepEnd(StepMetrics step)
    {
        Steps.Add(step);
        onStep?.Invoke(step);
    }

    public void OnEpochEnd(EpochMetrics epoch)
    {
        Epochs.Add(epoch);
        onEpoch?.Invoke();
    }
}
