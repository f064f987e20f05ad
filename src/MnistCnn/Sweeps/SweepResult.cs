using System.Text.Json.Serialization;
using MnistCnn.Training;

namespace MnistCnn.Sweeps;

/// <summary>Result of one training of a sweep.</summary>
/// <param name="Error">Error message of a training that diverged; null for one that finished.</param>
/// <param name="Epochs">Metrics of each epoch; empty for a training that diverged.</param>
internal sealed record SweepResult(SweepTrial Trial, string? Error, IReadOnlyList<EpochMetrics> Epochs, long Parameters)
{
    /// <summary>The best epoch by validation, or the last one without validation images; null if the training diverged.</summary>
    [JsonIgnore]
    public EpochMetrics? Chosen => Epochs is [.., { ValidationAccuracy: null } last] ? last : EpochMetrics.Best(Epochs);

    /// <summary>Time of all epochs.</summary>
    [JsonIgnore]
    public double Seconds => Epochs.Sum(epoch => epoch.TrainSeconds + epoch.TestSeconds);

    /// <summary>Creates the row of <c>results.csv</c>.</summary>
    public Dictionary<string, object?> CreateRow(Grid grid)
    {
        Dictionary<string, object?> row = [];
        foreach (var (parameter, value) in grid.Parameters.Zip(Trial.Values))
            row[parameter.Name.Replace('-', '_')] = value;
        row["status"] = Error is null ? "finished" : "diverged";
        row["error"] = Error;
        row["parameters"] = Parameters;
        row["epochs_done"] = Epochs.Count;
        row["epoch"] = Chosen?.Epoch;
        row["train_loss"] = Chosen?.TrainLoss;
        row["test_loss"] = Chosen?.TestLoss;
        row["test_accuracy"] = Chosen?.TestAccuracy;
        row["validation_accuracy"] = Chosen?.ValidationAccuracy;
        row["seconds"] = Seconds;
        return row;
    }
}
