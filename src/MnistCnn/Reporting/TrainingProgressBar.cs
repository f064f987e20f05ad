using System.Diagnostics;
using MnistCnn.Training;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>A bar for the current epoch, and above it a line for each epoch that is done.</summary>
/// <param name="console">The terminal.</param>
/// <param name="bar">The bar.</param>
/// <param name="epochs">How many epochs there will be.</param>
internal sealed class TrainingProgressBar(IAnsiConsole console, ProgressBar bar, int epochs) : ITrainingCallback
{
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private int epoch;
    private double lossSum;
    private long images;
    private int steps;

    /// <inheritdoc/>
    public void OnStepEnd(StepMetrics step)
    {
        // A run that goes on from a checkpoint may begin in the middle of an epoch.
        if (step.Epoch != epoch)
            (epoch, lossSum, images, steps) = (step.Epoch, 0, 0, 0);

        steps++;
        lossSum += step.Loss;
        images += step.Images;
        var share = (double)step.Step / step.Steps;
        bar.At(
            $"Epoch {step.Epoch}/{epochs}",
            share,
            (step.Epoch - 1 + share) / epochs,
            $"loss {lossSum / steps:F4}  {images / clock.Elapsed.TotalSeconds,5:F0} images/s");
    }

    /// <inheritdoc/>
    public void OnEpochEnd(EpochMetrics metrics)
    {
        Terminal.WriteAbove(console, TrainingText.Epoch(metrics));
        clock.Restart();
    }
}
