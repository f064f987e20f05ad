using MnistCnn.Training;

namespace MnistCnn.Reporting;

/// <summary>Shows a progress bar for the current epoch, and above it a line for each finished epoch.</summary>
internal sealed class TrainingProgressBar(ProgressBar bar, int epochs) : ITrainingCallback
{
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private int epoch;
    private double lossSum;
    private long images;
    private int steps;

    public void OnStepEnd(StepMetrics step)
    {
        // A resumed run may start in the middle of an epoch.
        if (step.Epoch != epoch)
            (epoch, lossSum, images, steps) = (step.Epoch, 0, 0, 0);

        steps++;
        lossSum += step.Loss;
        images += step.Images;
        var fraction = (double)step.Step / step.Steps;
        bar.Report(
            $"Epoch {step.Epoch}/{epochs}",
            fraction,
            (step.Epoch - 1 + fraction) / epochs,
            $"loss {lossSum / steps:F4}  {images / clock.Elapsed.TotalSeconds,5:F0} images/s");
    }

    public void OnEpochEnd(EpochMetrics metrics)
    {
        Terminal.WriteErrorLine(TrainingText.Epoch(metrics));
        clock.Restart();
    }
}
