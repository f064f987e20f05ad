using System.Globalization;
using MnistCnn.Training;

namespace MnistCnn.Reporting;

/// <summary>The article's lines, for a file or a pipe: the mean loss every so many steps, the accuracy each epoch.</summary>
/// <param name="output">Where to.</param>
/// <param name="logInterval">A line each so many steps.</param>
public sealed class PlainReport(TextWriter output, int logInterval) : ITrainingObserver
{
    private double runningLoss;

    /// <inheritdoc/>
    public void OnStep(StepMetrics step)
    {
        runningLoss += step.Loss;
        if (step.Step % logInterval == 0)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"[{step.Epoch} {step.Step,5}] loss: {runningLoss / logInterval:F3}"));
            runningLoss = 0;
        }
    }

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch)
    {
        runningLoss = 0;
        output.WriteLine(TrainingText.Epoch(epoch));
    }
}
