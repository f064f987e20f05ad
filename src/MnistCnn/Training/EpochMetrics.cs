namespace MnistCnn.Training;

/// <summary>What was measured in one epoch: a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Epoch">Which epoch, from 1.</param>
/// <param name="TrainLoss">Cross entropy of the training images while learning, mean over the images, in nats.</param>
/// <param name="TestLoss">Cross entropy of the test images after the epoch, mean over the images, in nats.</param>
/// <param name="TestAccuracy">Share of the test images that were recognised after the epoch, in percent.</param>
/// <param name="TrainSeconds">Time for the training images.</param>
/// <param name="TestSeconds">Time for the test images.</param>
/// <param name="ImagesPerSecond">Training images in a second of <paramref name="TrainSeconds"/>.</param>
public sealed record EpochMetrics(
    int Epoch,
    double TrainLoss,
    double TestLoss,
    double TestAccuracy,
    double TrainSeconds,
    double TestSeconds,
    double ImagesPerSecond);
