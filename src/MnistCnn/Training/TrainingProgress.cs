using System.Text.Json.Serialization;

namespace MnistCnn.Training;

/// <summary>How far a run is.</summary>
/// <param name="Epoch">The current epoch, from 1; one more than there are where the run is over.</param>
/// <param name="Step">How many steps of it are done.</param>
/// <param name="LossSum">The losses of those steps, each times its images.</param>
/// <param name="ImageSum">The images of those steps.</param>
/// <param name="History">What was measured in the epochs that are over.</param>
/// <param name="CorrectSum">How many of those images were recognised; null where some of them were seen by a version that did not count.</param>
internal sealed record TrainingProgress(
    int Epoch,
    int Step,
    double LossSum,
    long ImageSum,
    IReadOnlyList<EpochMetrics> History,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? CorrectSum = null)
{
    /// <summary>Before the first step.</summary>
    public static TrainingProgress Start { get; } = new(1, 0, 0, 0, [], 0);

    /// <summary>What is wrong with it, in a few words, or null.</summary>
    /// <param name="settings">What the run was asked to do.</param>
    /// <param name="trainImages">How many images there are to train on or to hold out.</param>
    public string? Problem(TrainSettings settings, long trainImages)
    {
        var images = trainImages - (settings.Validation ?? 0);
        if (Epoch < 1 || Epoch > settings.Epochs + 1L)
            return $"its epoch is {Epoch}, of {settings.Epochs}";
        if (Step < 0 || (Step - 1L) * settings.BatchSize >= images)
            return $"its step is {Step}, of an epoch of {images} images";
        if (ImageSum != Math.Min((long)Step * settings.BatchSize, images))
            return $"it counts {ImageSum} images in {Step} steps";
        if (!(LossSum >= 0 && double.IsFinite(LossSum)) || (Step == 0 && LossSum != 0))
            return $"its sum of losses is {LossSum} after {Step} steps";
        if (CorrectSum < 0 || CorrectSum > ImageSum)
            return $"it has recognised {CorrectSum} of {ImageSum} images";
        if (History.Count != Epoch - 1)
            return $"it is in epoch {Epoch}, but has measured {History.Count}";
        return History.Select((epoch, index) => epoch is null ? "an epoch is null" : epoch.Problem(index + 1)).FirstOrDefault(problem => problem is not null);
    }
}
