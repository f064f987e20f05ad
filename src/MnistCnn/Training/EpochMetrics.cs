using System.Text.Json.Serialization;

namespace MnistCnn.Training;

/// <summary>What was measured in one epoch: a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Epoch">Which epoch, from 1.</param>
/// <param name="TrainLoss">Cross entropy of the training images while learning, with label smoothing and class weights if any, mean over the images, in nats.</param>
/// <param name="TestLoss">Cross entropy of the test images after the epoch, mean over the images, in nats.</param>
/// <param name="TestAccuracy">Share of the test images that were recognised after the epoch, in percent.</param>
/// <param name="TrainSeconds">Time for the training images.</param>
/// <param name="TestSeconds">Time for the test images, and those held out.</param>
/// <param name="ImagesPerSecond">Training images in a second of <paramref name="TrainSeconds"/>.</param>
/// <param name="ValidationLoss">As <paramref name="TestLoss"/>, of the images held out for validation, if any.</param>
/// <param name="ValidationAccuracy">As <paramref name="TestAccuracy"/>, of the images held out for validation, if any.</param>
/// <param name="TestClassAccuracies">
/// As <paramref name="TestAccuracy"/>, of the images of each class in their order, null of one without test images. Version 0.1 and
/// PyTorch's program measure none.
/// </param>
/// <param name="TestBalancedAccuracy">The mean of the <paramref name="TestClassAccuracies"/> that there are.</param>
/// <param name="TrainAccuracy">
/// Share of the training images that were recognised when they were seen, changed as the network saw them and by the weights that it had
/// then, in percent. PyTorch's program and a run that went on within the epoch from a version that did not count have none.
/// </param>
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
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<double?>? TestClassAccuracies = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? TestBalancedAccuracy = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? TrainAccuracy = null)
{
    /// <summary>The accuracy by which the best epoch is chosen, in percent: that of the validation images where there are any.</summary>
    [JsonIgnore]
    public double SelectionAccuracy => ValidationAccuracy ?? TestAccuracy;

    /// <summary>The epoch with the best <see cref="SelectionAccuracy"/>, the first one of several; null of none.</summary>
    public static EpochMetrics? Best(IEnumerable<EpochMetrics> epochs) => epochs.MaxBy(epoch => epoch.SelectionAccuracy);

    /// <summary>What no epoch can have measured, in a few words, or null.</summary>
    /// <param name="place">Which epoch of its run it must be, from 1.</param>
    public string? Problem(int place)
    {
        if (Epoch != place)
            return $"epoch {Epoch} stands where epoch {place} must be";
        (string Name, double? Value, double Highest)[] figures =
        [
            ("train_loss", TrainLoss, double.MaxValue), ("test_loss", TestLoss, double.MaxValue), ("validation_loss", ValidationLoss, double.MaxValue),
            ("test_accuracy", TestAccuracy, 100), ("validation_accuracy", ValidationAccuracy, 100),
            ("test_balanced_accuracy", TestBalancedAccuracy, 100), ("train_accuracy", TrainAccuracy, 100),
            .. (TestClassAccuracies ?? []).Select(accuracy => ("an accuracy in test_class_accuracies", accuracy, 100.0)),
            ("train_seconds", TrainSeconds, double.MaxValue), ("test_seconds", TestSeconds, double.MaxValue),
            ("images_per_second", ImagesPerSecond, double.MaxValue),
        ];
        return figures.FirstOrDefault(figure => !((figure.Value ?? 0) is >= 0 and var value && value <= figure.Highest)) is { Name: { } name } wrong
            ? $"{name} of epoch {Epoch} is {wrong.Value}"
            : null;
    }
}
