using System.Diagnostics;
using System.Globalization;
using MnistCnn.Training;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>A bar for the epoch in hand, for a terminal, and above it a line for each epoch that is done.</summary>
public sealed class ProgressReport : ITrainingObserver
{
    private readonly IAnsiConsole console;
    private readonly int epochs;
    private readonly ProgressTask bar;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private double lossSum;
    private long images;
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
        .Start(context => work(new ProgressReport(console, epochs, context.AddTask($"Epoch 1/{epochs}"))));

    /// <inheritdoc/>
    public void OnStep(StepMetrics step)
    {
        if (step.Step == 1)
        {
            (lossSum, images, epochStart) = (0, 0, clock.Elapsed);
            bar.Description = $"Epoch {step.Epoch}/{epochs}";
            bar.MaxValue = step.Steps;
        }

        stepsDone++;
        lossSum += step.Loss;
        images += step.Images;
        var left = clock.Elapsed / stepsDone * ((long)step.Steps * epochs - stepsDone);
        bar.Value = step.Step;
        bar.Tag = string.Create(
            CultureInfo.InvariantCulture,
            $"loss {lossSum / step.Step:F4}  {images / (clock.Elapsed - epochStart).TotalSeconds,5:F0} images/s  {TrainingText.Duration(left)} left");
    }

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch) => console.WriteLine(TrainingText.Epoch(epoch));
}
