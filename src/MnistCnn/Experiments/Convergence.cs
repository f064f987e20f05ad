using MnistCnn.Charts;
using MnistCnn.Networks;

namespace MnistCnn.Experiments;

/// <summary>Each residual network against the same one without its shortcuts.</summary>
internal static class Convergence
{
    // The article's network, but that its blocks add nothing.
    private static readonly Architecture Twin = new(
        "residual-twin",
        "Residual's plain twin",
        "the article's residual network with blocks that add nothing",
        shape => new Net(
            shape,
            new ConvStage(16, "rBlock1", channels => new PlainBlock(channels), 16),
            new ConvStage(32, "rBlock2", channels => new PlainBlock(channels), 32)));

    private static readonly Architecture[][] Pairs =
    [
        [Architecture.Find("residual")!, Twin],
        [Architecture.Find("resnet18")!, Architecture.Find("plain18")!],
        [Architecture.Find("resnet34")!, Architecture.Find("plain34")!],
    ];

    /// <summary>The experiment.</summary>
    public static Experiment Experiment { get; } = new(
        "convergence",
        "With shortcuts, which have no weights, networks learn faster and end higher.",
        new ExperimentSettings(Seeds: 3, Epochs: 5, TrainLimit: 10_000),
        new ExperimentSettings(Seeds: 3, Epochs: 2, TrainLimit: 1_000, TestLimit: 1_000, Quick: true),
        Trials,
        Experiment.From<TrainingRow>(Effects, TrainingRow.Table, Charts));

    private static IEnumerable<Trial> Trials(ExperimentSettings settings, NetworkShape shape) =>
        from seed in Enumerable.Range(1, settings.Seeds)
        from pair in Pairs.Take(settings.Deep ? 3 : 2)
        from architecture in pair
        select TrainingRow.Trial(architecture, shape, seed);

    // What learns faster is higher in the mean of all epochs.
    private static IReadOnlyList<Effect> Effects(IReadOnlyList<TrainingRow> rows) =>
    [
        .. from pair in Pairs.Take(rows.Any(row => row.Network == Pairs[^1][0].Title) ? 3 : 2)
           from effect in new[]
           {
               Effect.Difference(
                   $"{pair[0].Title} over {pair[1].Title} in the mean of the epochs",
                   TrainingRow.MeanAccuracies(rows, pair[0].Title),
                   TrainingRow.MeanAccuracies(rows, pair[1].Title)),
               TrainingRow.AtTheEnd(rows, pair[0].Title, pair[1].Title),
           }
           select effect,
    ];

    private static IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<TrainingRow> rows) =>
    [
        .. (from pair in Pairs
            let measured = rows.Where(row => pair.Any(network => network.Title == row.Network)).ToArray()
            where measured.Length > 0
            let curves = TrainingRow.Accuracies(measured.OrderBy(row => row.Network == pair[1].Title), row => row.Epoch)
            let named = curves.Select(curve => curve with { Name = curve.Name == pair[0].Title ? "with shortcuts" : "without shortcuts" })
            select new Chart(TitleOf(pair[0].Title, curves), "Epoch", Chart.AccuracyLabel, [.. named]) { IntegerAxisMax = measured.Max(row => row.Epoch) })
        .Chunk(2),
    ];

    private static string TitleOf(string network, Curve[] curves) => curves is [var first, var second]
        ? $"{network} ends {Wording.Comparison(first.Y[^1] - second.Y[^1])} its plain twin"
        : network;
}
