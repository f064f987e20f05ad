using System.Globalization;
using MnistCnn.Training;

namespace MnistCnn.Reporting;

/// <summary>The article's lines, for a file or a pipe: the mean loss since the last line, the accuracy each epoch.</summary>
/// <param name="output">Where to.</param>
/// <param name="logInterval">A line each N steps.</param>
internal sealed class TrainingLog(TextWriter output, int logInterval) : ITrainingCallback
{
    private double runningLoss;
    private int steps;

    /// <inheritdoc/>
    public void OnStepEnd(StepMetrics step)
    {
        runningLoss += step.Loss;
        steps++;
        if (step.Step % logInterval == 0)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"[{step.Epoch} {step.Step,5}] loss: {runningLoss / steps:F3}"));
            (runningLoss, steps) = (0, 0);
        }
    }

    /// <inheritdoc/>
    public void OnEpochEnd(EpochMetrics epoch)
    {
        (runningLoss, steps) = (0, 0);
        output.WriteLine(TrainingText.Epoch(epoch));
    }
}
