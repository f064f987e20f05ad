using MnistCnn.Runs;
using MnistCnn.Training;

namespace MnistCnn.Sweeps;

/// <summary>What came out of one training of a sweep.</summary>
/// <param name="Trial">Which training.</param>
/// <param name="Error">Error message of a training that diverged; null for one that finished.</param>
/// <param name="Epochs">What each of its epochs measured; none where it diverged.</param>
/// <param name="Chosen">The epoch that counts: the best one in validation where images are held out for that, otherwise the last.</param>
/// <param name="Parameters">How many numbers the network learns.</param>
/// <param name="Seconds">How long its epochs took.</param>
internal sealed record SweepResult(
    SweepTrial Trial, string? Error, IReadOnlyList<EpochMetrics> Epochs, EpochMetrics? Chosen, long Parameters, double Seconds)
{
    /// <summary>That of a training that came to its end.</summary>
    public static SweepResult Of(SweepTrial trial, RunRecord run) => new(
        trial,
        null,
        run.Epochs,
        run.Epochs[^1].ValidationAccuracy is null ? run.Epochs[^1] : EpochMetrics.Best(run.Epochs),
        run.Info!.Parameters,
        run.Epochs.Sum(epoch => epoch.TrainSeconds + epoch.TestSeconds));

    /// <summary>Its line of <c>results.csv</c>.</summary>
    public Dictionary<string, object?> Row(Grid grid)
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
