using System.Globalization;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>
/// Keeps what a run learns in its folder: after each epoch <c>model.safetensors</c>, <c>best.safetensors</c> where the epoch
/// was the best so far, and last the checkpoint.
/// </summary>
/// <param name="trainer">The run.</param>
/// <param name="folder">Its folder.</param>
/// <param name="checkpointEvery">Write a checkpoint each N steps of an epoch too.</param>
public sealed class WeightsWriter(Trainer trainer, RunFolder folder, int? checkpointEvery = null) : ITrainingObserver
{
    /// <summary>What a file with weights says of them.</summary>
    /// <param name="settings">How they were trained.</param>
    /// <param name="epoch">After which epoch, or null for what is the same after all.</param>
    public static Dictionary<string, string> Metadata(TrainSettings settings, EpochMetrics? epoch)
    {
        var metadata = new Dictionary<string, string>
        {
            ["architecture"] = settings.Architecture,
            ["seed"] = settings.Seed.ToString(CultureInfo.InvariantCulture),
        };
        if (epoch is not null)
        {
            metadata["epoch"] = epoch.Epoch.ToString(CultureInfo.InvariantCulture);
            metadata["test_accuracy"] = epoch.TestAccuracy.ToString(CultureInfo.InvariantCulture);
        }

        return metadata;
    }

    /// <inheritdoc/>
    public void OnStep(StepMetrics step)
    {
        if (step.Step % checkpointEvery == 0)
            SaveCheckpoint();
    }

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch)
    {
        var metadata = Metadata(folder.Info.Settings, epoch);
        trainer.SaveWeights(folder.ModelPath, metadata);
        if (trainer.BestEpoch == epoch.Epoch)
            trainer.SaveWeights(folder.BestPath, metadata);
        SaveCheckpoint();
    }

    /// <summary>Writes the checkpoint now.</summary>
    public void SaveCheckpoint() => trainer.SaveCheckpoint(folder.CheckpointPath, folder.Info.Data, folder.Info.Id);
}
