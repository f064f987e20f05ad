using MnistCnn.Charts;
using MnistCnn.Networks;

namespace MnistCnn.Experiments;

/// <summary>Compares residual networks with the same networks without shortcuts.</summary>
internal class Convergence() : Experiment<TrainingRow>(
    "convergence",
    "With shortcuts, which have no weights, networks learn faster and end higher.",
    full: new ExperimentSettings(Seeds: 5, Epochs: 5, TrainLimit: 10_000),
    quick: new ExperimentSettings(Seeds: 3, Epochs: 2, TrainLimit: 1_000, TestLimit: 1_000, Quick: true))
{
    private static readonly Architecture PlainTwin = new(
        "residual-twin",
        "Residual's plain twin",
        "the article's residual network without shortcuts",
        shape => new Net(
            shape,
            new ConvStage(16, "rBlock1", channels => new ResidualBlock(channels, hasShortcut: false), 16),
            new ConvStage(32, "rBlock2", channels => new ResidualBlock(channels, hasShortcut: false), 32)));

    private static readonly (Architecture Residual, Architecture Plain)[] Pairs =
    [
        (Architecture.Find("residual")!, PlainTwin),
        (Architecture.Find("resnet18")!, Architecture.Find("plain18")!),
        (Architecture.Find("resnet34")!, Architecture.Find("plain34")!),
    ];

    public override bool HasDeeperNetworks => true;

    public override IEnumerable<Trial<TrainingRow>> Trials(ExperimentSettings settings, NetworkShape shape) => TrainingRow.CreateTrials(
        Pairs.Take(settings.Deep ? 3 : 2).SelectMany(pair => new[] { pair.Residual, pair.Plain }), settings, shape);

    protected override IReadOnlyList<Verdict> Verdicts(IReadOnlyList<TrainingRow> rows) =>
    [
        .. from pair in Pairs.Take(rows.Any(row => row.Network == Pairs[^1].Residual.Title) ? 3 : 2)
           select TrainingRow.ComparePair(rows, pair.Residual.Title, pair.Plain.Title),
    ];

    protected override IEnumerable<string> Notes(IReadOnlyList<TrainingRow> rows) =>
        from pair in Pairs
        let residual = rows.FirstOrDefault(row => row.Network == pair.Residual.Title)
        let plain = rows.FirstOrDefault(row => row.Network == pair.Plain.Title)
        where residual is not null && plain is not null
        select TrainingRow.CompareParameters(residual.Network, residual.Parameters, plain.Network, plain.Parameters);

    protected override ResultTable Table(IReadOnlyList<TrainingRow> rows) => TrainingRow.CreateTable(rows);

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<TrainingRow> rows) =>
    [
        .. (from pair in Pairs
            where rows.Any(row => row.Network == pair.Residual.Title || row.Network == pair.Plain.Title)
            select CreateChart(rows, pair.Residual.Title, pair.Plain.Title))
        .Chunk(2),
    ];

    private static Chart CreateChart(IReadOnlyList<TrainingRow> rows, string residual, string plain)
    {
        var curves =
            from curve in TrainingRow.AccuracyCurves(rows.Where(row => row.Network == residual || row.Network == plain), row => row.Epoch)
            orderby curve.Name == plain
            select curve with { Name = curve.Name == residual ? "with shortcuts" : "without shortcuts" };
        var title = TrainingRow.CompareAtEnd(rows, residual, plain).Finding;
        return new Chart(title, "Epoch", Chart.AccuracyLabel, [.. curves], rows.LastEpoch());
    }
}
