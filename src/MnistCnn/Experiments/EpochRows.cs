using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using static MnistCnn.Charts.Wording;

namespace MnistCnn.Experiments;

internal interface IEpochRow : IMeasuredRow
{
    string Network { get; }

    /// <summary>Number of the epoch, from 1; 0 before training.</summary>
    int Epoch { get; }
}

/// <param name="MultiplyAdds">Multiply-adds of a forward pass with one image.</param>
/// <param name="TrainingMultiplyAdds">Multiply-adds of the training so far, see <see cref="NetworkSummary.TrainingMultiplyAdds"/>.</param>
/// <param name="TestAccuracy">Accuracy on the test images in percent.</param>
internal sealed record TrainingRow(
    string Network, long Parameters, long MultiplyAdds, long Seed, int Epoch, double TrainingMultiplyAdds, double TrainLoss,
    double TestLoss, double TestAccuracy) : IEpochRow
{
    /// <summary>Creates one trial per seed and network, which trains it and returns one row per epoch.</summary>
    /// <param name="afterwards">Returns an action for the trained network of the first seed, or null; it adds no rows.</param>
    public static IEnumerable<Trial<TrainingRow>> CreateTrials(
        IEnumerable<Architecture> networks,
        ExperimentSettings settings,
        NetworkShape shape,
        Func<Architecture, Action<TrialContext, Module<Tensor, Tensor>>?>? afterwards = null)
    {
        var costs = networks.Select(network => (Network: network, Costs: NetworkSummary.Summarize(network, shape))).ToArray();
        return
            from seed in Enumerable.Range(1, settings.Seeds)
            from network in costs
            select CreateTrial(network.Network, network.Costs, seed, seed == 1 ? afterwards?.Invoke(network.Network) : null);
    }

    private static Trial<TrainingRow> CreateTrial(
        Architecture architecture, NetworkSummary costs, long seed, Action<TrialContext, Module<Tensor, Tensor>>? afterwards) =>
        new($"{architecture.Title}, seed {seed}", costs.MultiplyAdds, context =>
        {
            using var run = context.Train(architecture, seed);
            afterwards?.Invoke(context, run.Trainer.Model);
            return
            [
                .. from epoch in run.Folder.Epochs
                   let multiplyAdds = (double)costs.TrainingMultiplyAdds * context.Data.Train.Count * epoch.Epoch
                   select new TrainingRow(
                       architecture.Title, costs.Parameters, costs.MultiplyAdds, seed, epoch.Epoch, multiplyAdds, epoch.TrainLoss,
                       epoch.TestLoss, epoch.TestAccuracy),
            ];
        });

    public static Effect CompareAtEnd(IReadOnlyList<TrainingRow> rows, string higher, string lower) => Effect.Difference(
        $"{higher} ends", lower, rows.AtEnd(higher, row => row.TestAccuracy), rows.AtEnd(lower, row => row.TestAccuracy));

    /// <summary>Compares the convergence of two networks: one that converges faster has the higher mean over all epochs.</summary>
    public static Effect CompareConvergence(IReadOnlyList<TrainingRow> rows, string higher, string lower)
    {
        return Effect.Difference($"Averaged over the epochs, {higher} is", lower, MeanOfEpochs(higher), MeanOfEpochs(lower));

        IEnumerable<(long, double)> MeanOfEpochs(string network) =>
            from row in rows
            where row.Network == network
            group row.TestAccuracy by row.Seed into epochs
            select (epochs.Key, epochs.Average());
    }

    /// <summary>Creates the verdict on two networks: the first ends higher and converges faster.</summary>
    public static Verdict ComparePair(IReadOnlyList<TrainingRow> rows, string higher, string lower) =>
        new([CompareAtEnd(rows, higher, lower), CompareConvergence(rows, higher, lower)], $"{higher} and {lower}");

    /// <summary>Creates one curve per network: mean test accuracy of the seeds, with a band from the lowest to the highest.</summary>
    public static Curve[] AccuracyCurves(IEnumerable<TrainingRow> rows, Func<TrainingRow, double> x) =>
    [
        .. rows.GroupBy(row => row.Network)
            .Select(network => Curve.MeanWithRange(network.Key, network.Select(row => (x(row), row.TestAccuracy)))),
    ];

    public static ResultTable CreateTable(IReadOnlyList<TrainingRow> rows)
    {
        var last = rows.LastEpoch();
        return ResultTable.OverTestImages(
            ["Network", "Parameters", "Multiply-adds", MeanAndDeviationHeading("Epoch 1")],
            $"Epoch {last}",
            from row in rows
            group row by row.Network into network
            select (
                new[]
                {
                    network.Key,
                    Number(network.First().Parameters),
                    Number(network.First().MultiplyAdds),
                    MeanAndDeviation(network.Where(row => row.Epoch == 1).Select(row => row.TestAccuracy)),
                },
                network.Where(row => row.Epoch == last).Select(row => row.TestAccuracy)));
    }

    /// <summary>States the number of parameters of a network with shortcuts and of the same network without.</summary>
    public static string CompareParameters(string residual, long parameters, string plain, long plainParameters) =>
        parameters == plainParameters
            ? $"{residual} and {plain} both have {Number(parameters)} parameters: shortcuts add none."
            : $"{residual} has {Number(parameters)} parameters and {plain} {Number(plainParameters)}: additions add none, but shortcuts "
                + $"between feature maps of different sizes are convolutions with {Number(parameters - plainParameters)} parameters.";
}

internal static class EpochRows
{
    /// <summary>Returns the number of the last epoch; 0 without rows.</summary>
    public static int LastEpoch<TRow>(this IReadOnlyList<TRow> rows)
        where TRow : IEpochRow => rows.Select(row => row.Epoch).DefaultIfEmpty().Max();

    /// <summary>Returns a value of a network per seed, after the last epoch of all networks.</summary>
    public static IEnumerable<(long Seed, double Value)> AtEnd<TRow>(
        this IReadOnlyList<TRow> rows, string network, Func<TRow, double> value)
        where TRow : IEpochRow
    {
        var last = rows.LastEpoch();
        return rows.Where(row => row.Network == network && row.Epoch == last).Select(row => (row.Seed, value(row)));
    }
}
