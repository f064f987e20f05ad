using MathNet.Numerics.Statistics;

namespace MnistCnn.Training;

/// <summary>One step of a <see cref="LearningRateTest"/>.</summary>
/// <param name="Loss">As in <see cref="StepMetrics"/>.</param>
/// <param name="SmoothedLoss">Exponential moving average of the losses up to this step, with bias correction as in Adam.</param>
internal sealed record LearningRateStep(double LearningRate, double Loss, double SmoothedLoss);

/// <summary>
/// Learning-rate range test: the learning rate rises exponentially from step to step until the loss explodes. Source: L. N. Smith,
/// "Cyclical Learning Rates for Training Neural Networks", 2015, section 3.3. Steps, rates and the end of the test equal
/// <c>lr_find</c> in fastai 2. The point of the steepest fall, PyTorch Lightning's suggestion, may lie after a collapse of the network.
/// </summary>
/// <param name="Steps">The steps before the loss exploded, at least one.</param>
internal sealed record LearningRateTest(IReadOnlyList<LearningRateStep> Steps)
{
    public const int StepCount = 100;

    private const double LowestRate = 1e-7, HighestRate = 10, Smoothing = 0.9, StopFactor = 4, Margin = 4, RoundingError = 1e-6;

    // At these rates the weights hardly change: the losses show how much batches differ, and smoothed ones are not yet smooth.
    private const int StartSteps = StepCount / 10;

    /// <summary>Learning rate of each step, from the lowest to the highest.</summary>
    public static IEnumerable<double> Rates { get; } =
        [.. Enumerable.Range(0, StepCount).Select(step => LowestRate * Math.Pow(HighestRate / LowestRate, step / (StepCount - 1.0)))];

    /// <summary>The step with the lowest smoothed loss after the first ten.</summary>
    public LearningRateStep Lowest => Steps.Skip(Math.Min(StartSteps, Steps.Count - 1)).MinBy(step => step.SmoothedLoss)!;

    /// <summary>
    /// A quarter of the rate with the lowest smoothed loss, rounded to two digits. Smith quotes the rule that the best rate is at least
    /// half of the highest one that converges, and starts at a third or a quarter. Null if the smoothed loss did not fall by more than
    /// the standard deviation of the first losses.
    /// </summary>
    public double? Suggestion
    {
        get
        {
            var start = Steps.Take(StartSteps).Select(step => step.Loss).ToArray();
            return Lowest.SmoothedLoss < start.Mean() - Math.Max(start.StandardDeviation(), RoundingError)
                ? double.Parse($"{Lowest.LearningRate / Margin:G2}", CultureInfo.InvariantCulture)
                : null;
        }
    }

    /// <summary>Settings for the trainer of <see cref="Run"/>: with a constant learning rate.</summary>
    public static TrainSettings Prepare(TrainSettings settings) => settings with
    {
        LearningRateMilestones = null,
        Schedule = Schedule.Constant,
    };

    /// <summary>Trains with rising rates, at most <see cref="StepCount"/> steps.</summary>
    /// <param name="trainer">New, with settings from <see cref="Prepare"/>. The test spoils its weights.</param>
    /// <param name="report">Receives the finished fraction of the test.</param>
    /// <exception cref="DivergenceException">The first loss is not a finite number.</exception>
    /// <exception cref="OperationCanceledException">The test was cancelled.</exception>
    public static LearningRateTest Run(Trainer trainer, Action<double> report, CancellationToken cancellation) =>
        From(trainer.TrainSteps(Rates, cancellation), report);

    /// <summary>Smooths the losses of steps, which are read until the smoothed loss is four times its lowest value.</summary>
    /// <inheritdoc cref="Run"/>
    public static LearningRateTest From(IEnumerable<StepMetrics> steps, Action<double> report)
    {
        List<LearningRateStep> kept = [];
        var (average, lowest) = (0.0, double.PositiveInfinity);
        foreach (var step in steps.TakeWhile(step => double.IsFinite(step.Loss)))
        {
            average = Smoothing * average + (1 - Smoothing) * step.Loss;
            var smoothed = average / (1 - Math.Pow(Smoothing, step.Step));
            if (step.Step > StartSteps)
                lowest = Math.Min(lowest, smoothed);
            if (smoothed > StopFactor * lowest)
                break;
            kept.Add(new LearningRateStep(step.LearningRate, step.Loss, smoothed));
            report((double)step.Step / StepCount);
        }

        return kept.Count > 0
            ? new LearningRateTest(kept)
            : throw new DivergenceException($"The loss of the first step, at a learning rate of {LowestRate}, is not a finite number.");
    }
}
