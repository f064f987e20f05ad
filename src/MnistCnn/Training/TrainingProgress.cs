namespace MnistCnn.Training;

/// <summary>Position of a training run between two steps, with sums over the current epoch and metrics of the finished ones.</summary>
/// <param name="Epoch">Current epoch, from 1; after the last epoch, one more than there are.</param>
/// <param name="Step">Finished steps of the current epoch.</param>
/// <param name="LossSum">Sum of the losses of those steps, each times its number of images.</param>
/// <param name="ImageSum">Images of those steps.</param>
/// <param name="CorrectSum">Images of those steps that were classified correctly.</param>
/// <param name="History">Metrics of the finished epochs.</param>
internal sealed record TrainingProgress(
    int Epoch, int Step, double LossSum, long ImageSum, long CorrectSum, IReadOnlyList<EpochMetrics> History)
{
    public static TrainingProgress Start { get; } = new(Epoch: 1, Step: 0, LossSum: 0, ImageSum: 0, CorrectSum: 0, History: []);

    /// <summary>The epoch with the best accuracy so far, the first one of several; 0 before the end of the first epoch.</summary>
    [JsonIgnore]
    public int BestEpoch => EpochMetrics.Best(History)?.Epoch ?? 0;

    public bool IsFinished(TrainSettings settings) => Epoch > settings.Epochs || History.Count - BestEpoch >= settings.Patience;

    /// <param name="correct">Images of the step that were classified correctly.</param>
    public TrainingProgress AfterStep(StepMetrics step, long correct) => this with
    {
        Step = step.Step,
        LossSum = LossSum + step.Loss * step.Images,
        ImageSum = ImageSum + step.Images,
        CorrectSum = CorrectSum + correct,
    };

    public TrainingProgress AfterEpoch(EpochMetrics epoch) => Start with { Epoch = Epoch + 1, History = [.. History, epoch] };
}
