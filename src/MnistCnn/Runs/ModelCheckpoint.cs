using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>
/// Writes the files of a run during its training: metrics, weights and checkpoint after each epoch, checkpoints between steps. It must be
/// the first callback: if a later one fails, the files of the epoch are complete.
/// </summary>
/// <param name="every">Writes a checkpoint every N steps of an epoch; null for none between steps.</param>
internal sealed class ModelCheckpoint(RunFolder folder, Trainer trainer, DataSet data, int? every) : ITrainingCallback
{
    public void OnStepEnd(StepMetrics step)
    {
        if (step.Step % every == 0)
            SaveCheckpoint();
    }

    public void OnEpochEnd(EpochMetrics epoch)
    {
        folder.Append(epoch);
        SaveWeights(folder.ModelPath, epoch);
        if (trainer.Progress.BestEpoch == epoch.Epoch)
            SaveWeights(folder.BestPath, epoch);
        SaveCheckpoint();
    }

    public void SaveCheckpoint() => Checkpoint.Write(folder.CheckpointPath, trainer, folder.Info.Data, folder.Info.Id);

    /// <summary>Writes the last weights of a run that was resumed in a new folder; it may have no epoch left.</summary>
    public void SaveMissingWeights()
    {
        if (trainer.Progress is { Step: 0, History: [.., var last] } && !File.Exists(folder.ModelPath))
            SaveWeights(folder.ModelPath, last);
    }

    private void SaveWeights(string path, EpochMetrics epoch)
    {
        var metadata = WeightsMetadata.Of(data) with
        {
            Architecture = trainer.Settings.Architecture.Name,
            Seed = trainer.Settings.Seed,
            Epoch = epoch.Epoch,
            TestAccuracy = epoch.TestAccuracy,
        };
        new SafetensorsFile(Layers.WithoutAuxiliary(trainer.Model, trainer.Model.state_dict()), metadata.ToDictionary()).Write(path);
    }
}
