using MnistCnn.Training;

namespace MnistCnn.Reporting;

/// <summary>Writes the article's lines to a file or pipe: the mean loss of every N steps, and the accuracy of each epoch.</summary>
internal sealed class TrainingLog(TextWriter output, int logInterval) : ITrainingCallback
{
    private double runningLoss;
    private int steps;

    public void OnStepEnd(StepMetrics step)
    {
        runningLoss += step.Loss;
        steps++;
        if (step.Step % logInterval == 0)
        {
            output.WriteLine($"[{step.Epoch} {step.Step,5}] loss: {runningLoss / steps:F3}");
            (runningLoss, steps) = (0, 0);
        }
    }

    public void OnEpochEnd(EpochMetrics epoch)
    {
        (runningLoss, steps) = (0, 0);
        output.WriteLine(TrainingText.Epoch(epoch));
    }
}
