using System.Diagnostics;
using System.Globalization;
using MnistCnn.Training;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>A bar for the current epoch, for a terminal, and above it a line for each epoch that is done.</summary>
public sealed class ProgressReport : ITrainingObserver
{
    private readonly IAnsiConsole console;
    private readonly int epochs;
    private readonly ProgressTask bar;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private int epoch;
    private double lossSum;
    private long images;
    private int stepsOfEpoch;
    private long stepsDone;
    private TimeSpan epochStart;

    private ProgressReport(IAnsiConsole console, int epochs, ProgressTask bar)
    {
        this.console = console;
        this.epochs = epochs;
        this.bar = bar;
    }

    /// <summary>Shows the bar while <paramref name="work"/> runs.</summary>
    /// <param name="console">The terminal.</param>
    /// <param name="epochs">How many epochs there will be.</param>
    /// <param name="work">Tells the observer that it is given how it goes.</param>
    public static void Show(IAnsiConsole console, int epochs, Action<ITrainingObserver> work) => console
        .Progress()
        .AutoClear(true)
        .Columns(
            new TaskDescriptionColumn { Alignment = Justify.Left },
            new ProgressBarColumn { Width = 20 },
            new TagColumn())
        .Start(context => work(new ProgressReport(console, epochs, context.AddTask($"Epoch -/{epochs}"))));

    /// <inheritdoc/>
    public void OnStep(StepMetrics step)
    {
        // A run that goes on from a checkpoint may begin in the middle of an epoch.
        if (step.Epoch != epoch)
        {
            (epoch, lossSum, images, stepsOfEpoch, epochStart) = (step.Epoch, 0, 0, 0, clock.Elapsed);
            bar.Description = $"Epoch {step.Epoch}/{epochs}";
            bar.MaxValue = step.Steps;
        }

        stepsDone++;
        stepsOfEpoch++;
        lossSum += step.Loss;
        images += step.Images;
        var left = clock.Elapsed / stepsDone * ((long)step.Steps * (epochs - step.Epoch + 1) - step.Step);
        bar.Value = step.Step;
        bar.Tag = string.Create(
            CultureInfo.InvariantCulture,
            $"loss {lossSum / stepsOfEpoch:F4}  {images / (clock.Elapsed - epochStart).TotalSeconds,5:F0} images/s  {TrainingText.Duration(left)} left");
    }

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch) => console.WriteLine(TrainingText.Epoch(epoch));
}
