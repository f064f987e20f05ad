using MnistCnn.Training;

namespace MnistCnn.Tests.Training;

/// <summary>Keeps what a training tells, and does something more where that is asked for.</summary>
internal sealed class Recorder(Action<StepMetrics>? onStep = null, Action? onEpoch = null) : ITrainingObserver
{
    public List<StepMetrics> Steps { get; } = [];

    public List<EpochMetrics> Epochs { get; } = [];

    public void OnStep(StepMetrics step)
    {
        Steps.Add(step);
        onStep?.Invoke(step);
    }

    public void OnEpoch(EpochMetrics epoch)
    {
        Epochs.Add(epoch);
        onEpoch?.Invoke();
    }
}
