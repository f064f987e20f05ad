namespace MnistCnn.Training;

/// <summary>Metrics of an epoch: a line of <c>metrics.jsonl</c>. tests/reference/article.py has no class or training accuracies.</summary>
/// <param name="TrainLoss">Training loss during the epoch, with label smoothing and class weights, mean over the images, in nats.</param>
/// <param name="TestLoss">Cross entropy of the test images after the epoch, mean over the images, in nats.</param>
/// <param name="TestAccuracy">Test images classified correctly after the epoch, in percent.</param>
/// <param name="TestSeconds">Duration of the evaluation on test and validation images.</param>
/// <param name="ImagesPerSecond">Training images per second of <paramref name="TrainSeconds"/>.</param>
/// <param name="ValidationLoss">As <paramref name="TestLoss"/>, for the validation images; null without any.</param>
/// <param name="ValidationAccuracy">As <paramref name="TestAccuracy"/>, for the validation images; null without any.</param>
/// <param name="TestClassAccuracies">As <paramref name="TestAccuracy"/>, per class; null for a class without test images.</param>
/// <param name="TestBalancedAccuracy">Mean of <paramref name="TestClassAccuracies"/>.</param>
/// <param name="TrainAccuracy">Training images classified correctly in their step, augmented and before the update, in percent.</param>
internal sealed record EpochMetrics(
    int Epoch,
    double TrainLoss,
    double TestLoss,
    double TestAccuracy,
    double TrainSeconds,
    double TestSeconds,
    double ImagesPerSecond,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? ValidationLoss = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? ValidationAccuracy = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    IReadOnlyList<double?>? TestClassAccuracies = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? TestBalancedAccuracy = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? TrainAccuracy = null)
{
    /// <summary>Accuracy that decides which epoch is the best, in percent: on validation images, or on test images without any.</summary>
    [JsonIgnore]
    public double SelectionAccuracy => ValidationAccuracy ?? TestAccuracy;

    /// <summary>The epoch with the best <see cref="SelectionAccuracy"/>, the first one of several; null without epochs.</summary>
    public static EpochMetrics? Best(IEnumerable<EpochMetrics> epochs) => epochs.MaxBy(epoch => epoch.SelectionAccuracy);

    /// <param name="trainImages">Images of <paramref name="trainSeconds"/>, without those before the run was resumed.</param>
    public static EpochMetrics From(
        TrainingProgress progress, long trainImages, double trainSeconds, Evaluation? validation, Evaluation test, double testSeconds) =>
        new(
            progress.Epoch,
            TrainLoss: progress.LossSum / progress.ImageSum,
            TestLoss: test.Loss,
            TestAccuracy: test.Accuracy,
            TrainSeconds: trainSeconds,
            TestSeconds: testSeconds,
            ImagesPerSecond: trainImages / trainSeconds,
            ValidationLoss: validation?.Loss,
            ValidationAccuracy: validation?.Accuracy,
            TestClassAccuracies: [.. test.ClassAccuracies.Select(RoundTo4Digits)],
            TestBalancedAccuracy: Evaluation.BalancedAccuracy(test.ClassAccuracies),
            TrainAccuracy: 100.0 * progress.CorrectSum / progress.ImageSum);

    // A checkpoint holds the accuracies of all classes and epochs.
    private static double? RoundTo4Digits(double? percent) => percent is { } value ? Math.Round(value, 4) : null;
}
