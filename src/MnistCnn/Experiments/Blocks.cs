using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;

namespace MnistCnn.Experiments;

/// <summary>
/// Tests the article's title: compares Inception and Residual with the plain network of the article before it, and with the plain network
/// widened to as many parameters.
/// </summary>
internal sealed class Blocks() : Experiment<TrainingRow>(
    "blocks",
    "Inception and Residual blocks raise the accuracy and speed up the convergence.",
    full: new ExperimentSettings(Seeds: 5, Epochs: 10, TrainLimit: 60_000),
    quick: new ExperimentSettings(Seeds: 3, Epochs: 2, TrainLimit: 6_000, TestLimit: 2_000, Quick: true))
{
    private static readonly Architecture Plain = Architecture.Find("plain")!;
    private static readonly Architecture[] WithBlocks = [Architecture.Find("inception")!, Architecture.Find("residual")!];

    public override IEnumerable<Trial<TrainingRow>> Trials(ExperimentSettings settings, NetworkShape shape) => TrainingRow.CreateTrials(
        WithBlocks.SelectMany(network => new[] { network, Widen(network, shape) }).Append(Plain), settings, shape);

    protected override IReadOnlyList<Verdict> Verdicts(IReadOnlyList<TrainingRow> rows) =>
    [
        .. from network in WithBlocks
           from plain in new[] { Plain.Title, WidenedTitle(network) }
           select TrainingRow.ComparePair(rows, network.Title, plain),
    ];

    protected override ResultTable Table(IReadOnlyList<TrainingRow> rows) => TrainingRow.CreateTable(rows);

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<TrainingRow> rows) =>
    [
        [
            .. from network in WithBlocks
               let title = TrainingRow.CompareAtEnd(rows, network.Title, Plain.Title).Finding
               select new Chart(title, "Epoch", Chart.AccuracyLabel, CreateCurves(rows, network), rows.LastEpoch()),
        ],
        [
            .. from network in WithBlocks
               let title = TrainingRow.CompareAtEnd(rows, network.Title, WidenedTitle(network)).Finding
               let yLabel = "Accuracy on the test images after the last epoch (%), one point per seed"
               select new Chart(title, "Parameters (thousands)", yLabel, CreatePoints(rows, network), LogX: true),
        ],
    ];

    private static string WidenedTitle(Architecture network) => $"{network.Title}-sized Plain";

    // The second convolution has twice the channels of the first, as in Plain.
    private static Architecture Widen(Architecture network, NetworkShape shape) => FindNearest(
        NetworkSummary.Summarize(network, shape).Parameters,
        shape,
        width => new Architecture(
            $"plain-{network.Name}",
            WidenedTitle(network),
            $"Plain with convolutions of {(width + 1) / 2} and {width} channels",
            images => new Net(
                images,
                new ConvStage((width + 1) / 2, "block1", _ => Identity(), (width + 1) / 2),
                new ConvStage(width, "block2", _ => Identity(), width))));

    // The network with blocks and the two without, in this order.
    private static Curve[] CreateCurves(IReadOnlyList<TrainingRow> rows, Architecture network) =>
    [
        .. from title in new[] { network.Title, WidenedTitle(network), Plain.Title }
           from curve in TrainingRow.AccuracyCurves(rows.Where(row => row.Network == title), row => row.Epoch)
           select curve,
    ];

    private static Curve[] CreatePoints(IReadOnlyList<TrainingRow> rows, Architecture network) =>
    [
        .. from curve in CreateCurves(rows, network)
           let ends = rows.Where(row => row.Network == curve.Name && row.Epoch == rows.LastEpoch()).ToArray()
           let x = ends.Select(row => Math.Round(row.Parameters / 1e3))
           select new Curve(curve.Name, [.. x], [.. ends.Select(row => row.TestAccuracy)]) { HasLine = false },
    ];
}
