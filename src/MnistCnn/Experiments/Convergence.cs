using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;

namespace MnistCnn.Experiments;

/// <summary>Compares residual networks with the same networks without shortcuts.</summary>
internal class Convergence() : Experiment<TrainingRow>(
    "convergence",
    "With shortcuts, which have no weights, networks learn faster and end higher.",
    full: new ExperimentSettings(Seeds: 3, Epochs: 5, TrainLimit: 10_000),
    quick: new ExperimentSettings(Seeds: 3, Epochs: 2, TrainLimit: 1_000, TestLimit: 1_000, Quick: true))
{
    private static readonly Architecture PlainTwin = new(
        "residual-twin",
        "Residual's plain twin",
        "the article's residual network without shortcuts",
        shape => new Net(
            shape,
            new ConvStage(16, "rBlock1", channels => new PlainBlock(channels), 16),
            new ConvStage(32, "rBlock2", channels => new PlainBlock(channels), 32)));

    private static readonly (Architecture Residual, Architecture Plain)[] Pairs =
    [
        (Architecture.Find("residual")!, PlainTwin),
        (Architecture.Find("resnet18")!, Architecture.Find("plain18")!),
        (Architecture.Find("resnet34")!, Architecture.Find("plain34")!),
    ];

    public override bool HasDeeperNetworks => true;

    public override IEnumerable<Trial<TrainingRow>> Trials(ExperimentSettings settings, NetworkShape shape)
    {
        var networks = Pairs.Take(settings.Deep ? 3 : 2).SelectMany(pair => new[] { pair.Residual, pair.Plain })
            .Select(network => (Network: network, Costs: NetworkSummary.Summarize(network, shape))).ToArray();
        return
            from seed in Enumerable.Range(1, settings.Seeds)
            from network in networks
            select TrainingRow.CreateTrial(network.Network, network.Costs, seed);
    }

    // A network that learns faster has the higher mean over all epochs.
    protected override IReadOnlyList<Effect> Effects(IReadOnlyList<TrainingRow> rows)
    {
        return
        [
            .. from pair in Pairs.Take(rows.Any(row => row.Network == Pairs[^1].Residual.Title) ? 3 : 2)
               let residual = pair.Residual.Title
               let plain = pair.Plain.Title
               from effect in new[]
               {
                   Effect.Difference($"{residual} over {plain} in the mean of the epochs", MeanOfEpochs(residual), MeanOfEpochs(plain)),
                   TrainingRow.CompareAtEnd(rows, residual, plain),
               }
               select effect,
        ];

        IEnumerable<(long, double)> MeanOfEpochs(string network) =>
            from row in rows
            where row.Network == network
            group row.TestAccuracy by row.Seed into epochs
            select (epochs.Key, epochs.Average());
    }

    protected override ResultTable Table(IReadOnlyList<TrainingRow> rows) => TrainingRow.CreateTable(rows);

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<TrainingRow> rows) =>
    [
        .. (from pair in Pairs
            let residual = rows.Where(row => row.Network == pair.Residual.Title)
            let measured = residual.Concat(rows.Where(row => row.Network == pair.Plain.Title)).ToArray()
            where measured.Length > 0
            select CreateChart(pair.Residual.Title, measured))
        .Chunk(2),
    ];

    private static Chart CreateChart(string residual, IReadOnlyList<TrainingRow> rows)
    {
        var curves = TrainingRow.AccuracyCurves(rows, row => row.Epoch);
        var title = curves is [var first, var second]
            ? $"{residual} ends {Wording.Comparison(first.Y[^1] - second.Y[^1])} its plain twin"
            : residual;
        var named = curves.Select(curve => curve with { Name = curve.Name == residual ? "with shortcuts" : "without shortcuts" });
        return new Chart(title, "Epoch", Chart.AccuracyLabel, [.. named], rows.LastEpoch());
    }
}
