using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Experiments;

/// <summary>An epoch of a network in an experiment.</summary>
/// <param name="Network">Its name.</param>
/// <param name="Parameters">How many numbers it learns.</param>
/// <param name="MultiplyAdds">Multiply-adds of its forward pass for one image.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Epoch">Which epoch, from 1.</param>
/// <param name="TrainingMultiplyAdds">Multiply-adds of the training so far; see <see cref="NetworkSummary.TrainingMultiplyAdds"/>.</param>
/// <param name="TrainLoss">As <see cref="EpochMetrics.TrainLoss"/>.</param>
/// <param name="TestLoss">As <see cref="EpochMetrics.TestLoss"/>.</param>
/// <param name="TestAccuracy">As <see cref="EpochMetrics.TestAccuracy"/>, in percent.</param>
internal sealed record TrainingRow(
    string Network,
    long Parameters,
    long MultiplyAdds,
    long Seed,
    int Epoch,
    double TrainingMultiplyAdds,
    double TrainLoss,
    double TestLoss,
    double TestAccuracy)
{
    /// <summary>The trial that trains one network and measures each of its epochs.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="shape">The images and classes.</param>
    /// <param name="seed">Its seed.</param>
    /// <param name="afterwards">What to do with the trained network, if anything.</param>
    public static Trial Trial(Architecture architecture, NetworkShape shape, long seed, Action<TrialContext, Module<Tensor, Tensor>>? afterwards = null)
    {
        var costs = NetworkSummary.Summarize(architecture, shape);
        return new Trial($"{architecture.Title}, seed {seed}", costs.MultiplyAdds, context =>
        {
            using var run = context.Train(architecture, seed);
            afterwards?.Invoke(context, run.Trainer.Model);
            return run.Folder.Epochs.Select(epoch => new TrainingRow(
                architecture.Title,
                costs.Parameters,
                costs.MultiplyAdds,
                seed,
                epoch.Epoch,
                (double)costs.TrainingMultiplyAdds * context.Data.Train.Count * epoch.Epoch,
                epoch.TrainLoss,
                epoch.TestLoss,
                epoch.TestAccuracy));
        });
    }

    /// <summary>By how much one network's accuracy is higher than another's after the last epoch.</summary>
    public static Effect AtTheEnd(IReadOnlyList<TrainingRow> rows, string higher, string lower)
    {
        var last = rows.Select(row => row.Epoch).DefaultIfEmpty().Max();
        return Effect.Difference($"{higher} over {lower} after {Wording.Plural(last, "epoch")}", Of(higher), Of(lower));

        IEnumerable<(long, double)> Of(string network) =>
            rows.Where(row => row.Network == network && row.Epoch == last).Select(row => (row.Seed, row.TestAccuracy));
    }

    /// <summary>The mean of a network's accuracies after each epoch, with each seed.</summary>
    public static IEnumerable<(long Seed, double Percent)> MeanAccuracies(IEnumerable<TrainingRow> rows, string network) =>
        from row in rows
        where row.Network == network
        group row.TestAccuracy by row.Seed into epochs
        select (epochs.Key, epochs.Average());

    /// <summary>A curve for each network, its accuracy over <paramref name="x"/>.</summary>
    public static Curve[] Accuracies(IEnumerable<TrainingRow> rows, Func<TrainingRow, double> x) =>
        [.. rows.GroupBy(row => row.Network).Select(network => Curve.MeanWithRange(network.Key, network.Select(row => (x(row), row.TestAccuracy))))];

    /// <summary>A row for each network, with its test accuracy after the first and the last epoch.</summary>
    public static ResultTable Table(IReadOnlyList<TrainingRow> rows)
    {
        var last = rows.Select(row => row.Epoch).DefaultIfEmpty().Max();
        return new ResultTable(
            ["Network", "Parameters", "Multiply-adds", Wording.MeanAndDeviationHeading("Epoch 1"), Wording.MeanAndDeviationHeading($"Epoch {last}")],
            [
                .. rows.GroupBy(row => row.Network).Select(network => new[]
                {
                    network.Key,
                    Wording.Number(network.First().Parameters),
                    Wording.Number(network.First().MultiplyAdds),
                    Wording.MeanAndDeviation(network.Where(row => row.Epoch == 1).Select(row => row.TestAccuracy)),
                    Wording.MeanAndDeviation(network.Where(row => row.Epoch == last).Select(row => row.TestAccuracy)),
                }),
            ]);
    }
}
