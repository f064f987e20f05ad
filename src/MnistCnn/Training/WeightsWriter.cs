using System.Globalization;
using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>
/// Keeps what a run learns in its folder: after each epoch <c>model.safetensors</c>, <c>best.safetensors</c> where the epoch
/// was the best so far, and last the checkpoint.
/// </summary>
/// <param name="trainer">The run.</param>
/// <param name="folder">Its folder.</param>
/// <param name="checkpointEvery">Write a checkpoint after so many steps of an epoch too.</param>
public sealed class WeightsWriter(Trainer trainer, RunFolder folder, int? checkpointEvery = null) : ITrainingObserver
{
    /// <summary>The last weights.</summary>
    public string ModelPath { get; } = Path.Combine(folder.FullPath, "model.safetensors");

    /// <summary>The weights of the best epoch.</summary>
    public string BestPath { get; } = Path.Combine(folder.FullPath, "best.safetensors");

    /// <summary>Where the run can be taken up again.</summary>
    public string CheckpointPath { get; } = Path.Combine(folder.FullPath, "checkpoint.safetensors");

    /// <inheritdoc/>
    public void OnStep(StepMetrics step)
    {
        if (step.Step % checkpointEvery == 0)
            SaveCheckpoint();
    }

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch)
    {
        var metadata = new Dictionary<string, string>
        {
            ["architecture"] = folder.Info.Settings.Architecture,
            ["seed"] = folder.Info.Settings.Seed.ToString(CultureInfo.InvariantCulture),
            ["epoch"] = epoch.Epoch.ToString(CultureInfo.InvariantCulture),
            ["test_accuracy"] = epoch.TestAccuracy.ToString(CultureInfo.InvariantCulture),
            ["mnist_cnn"] = Versions.Program,
        };
        trainer.SaveWeights(ModelPath, metadata);
        if (trainer.BestEpoch == epoch.Epoch)
            trainer.SaveWeights(BestPath, metadata);
        SaveCheckpoint();
    }

    /// <summary>Writes the checkpoint now.</summary>
    public void SaveCheckpoint() => trainer.SaveCheckpoint(CheckpointPath, folder.Info.Data);
}
