using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using static MnistCnn.Charts.Wording;

namespace MnistCnn.Experiments;

/// <summary>
/// Compares plain and residual networks of growing depth. Two networks of one depth have the same parameters and initial weights.
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, figures 1 and 6. Figure 1 of the paper is the
/// third picture of the article.
/// </summary>
internal sealed class Degradation() : Experiment<DegradationRow>(
    "degradation",
    "Deeper plain networks have a higher training error; shortcuts take that away.",
    FullSize,
    quick: FullSize with { Seeds = 3, Epochs = 3, TrainLimit = 400, TestLimit = 200, Quick = true })
{
    // The paper's recipe for fewer images: batches of 32, for more steps, at a learning rate that is smaller by the same factor (P. Goyal
    // et al., "Accurate, Large Minibatch SGD", 2017). No augmentation: a mirrored digit is not a digit.
    private static readonly ExperimentSettings FullSize = new(
        Seeds: 5, Epochs: 5, TrainLimit: 3_000, TestLimit: 2_000, "resnet-paper", LearningRate: 0.025, BatchSize: 32, Shortened: true);

    public override bool HasDeeperNetworks => true;

    // With 110 layers there is only the residual network.
    public override IEnumerable<Trial<DegradationRow>> Trials(ExperimentSettings settings, NetworkShape shape)
    {
        int[] depths = settings.Quick ? [20, 56] : [20, 32, 44, 56];
        var networks = (
            from depth in settings.Deep ? depths.Append(110) : depths
            from isResidual in new[] { false, true }
            let network = Architecture.Find($"{(isResidual ? "resnet" : "plain")}{depth}")
            where network is not null
            select (Network: network, depth, isResidual, Costs: NetworkSummary.Summarize(network, shape))).ToArray();
        return
            from seed in Enumerable.Range(1, settings.Seeds)
            from network in networks
            select CreateTrial(network.Network, network.depth, network.isResidual, network.Costs, seed);
    }

    // The paper compares the deepest with the shallowest network.
    protected override IReadOnlyList<Verdict> Verdicts(IReadOnlyList<DegradationRow> rows) =>
    [
        new(
        [
            Compare(rows, "training", row => row.TrainError, toResidual: false),
            Compare(rows, "training", row => row.TrainError, toResidual: true),
        ]),
    ];

    protected override IEnumerable<string> Notes(IReadOnlyList<DegradationRow> rows) =>
        from depth in rows.GroupBy(row => row.Depth)
        let residual = depth.FirstOrDefault(row => row.IsResidual)
        let plain = depth.FirstOrDefault(row => !row.IsResidual)
        where residual is not null && plain is not null
        select TrainingRow.CompareParameters(residual.Network, residual.Parameters, plain.Network, plain.Parameters);

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<DegradationRow> rows)
    {
        var end = rows.Where(row => row.Epoch == rows.LastEpoch()).ToArray();
        return
        [
            [
                CreateChart("training", "Training error of the last epoch (%), one point per seed", row => row.TrainError),
                CreateChart("test", "Test error after the last epoch (%), one point per seed", row => row.TestError),
            ],
        ];

        Chart CreateChart(string kind, string yLabel, Func<DegradationRow, double> error) => new(
            Compare(rows, kind, error, toResidual: true).Finding, "Layers", yLabel,
            [
                .. from family in new[] { (Name: "plain", IsResidual: false), (Name: "residual", IsResidual: true) }.Index()
                   let points = end.Where(row => row.IsResidual == family.Item.IsResidual).Select(row => ((double)row.Depth, error(row)))
                   where points.Any()
                   from curve in Curve.MeanWithSamples(family.Item.Name, points, styleIndex: family.Index)
                   select curve,
            ],
            LogX: true);
    }

    protected override ResultTable Table(IReadOnlyList<DegradationRow> rows)
    {
        var last = rows.LastEpoch();
        return ResultTable.OverTestImages(
            ["Network", "Parameters", "Multiply-adds", MeanAndDeviationHeading($"Training error {last}")],
            $"Test error {last}",
            from row in rows
            group row by row.Network into network
            let end = network.Where(row => row.Epoch == last)
            orderby network.First().IsResidual, network.First().Depth
            select (
                new[]
                {
                    network.Key,
                    Number(network.First().Parameters),
                    Number(network.First().MultiplyAdds),
                    MeanAndDeviation(end.Select(row => row.TrainError)),
                },
                end.Select(row => row.TestError)));
    }

    private static Trial<DegradationRow> CreateTrial(Architecture network, int depth, bool isResidual, NetworkSummary costs, long seed) =>
        new($"{network.Title}, seed {seed}", costs.MultiplyAdds, context =>
        {
            using var run = context.Train(network, seed);
            return
            [
                .. run.Folder.Epochs.Select(epoch => new DegradationRow(
                    network.Title, depth, isResidual, costs.Parameters, costs.MultiplyAdds, seed, epoch.Epoch, epoch.TrainLoss,
                    TrainError: 100 - epoch.TrainAccuracy!.Value, epoch.TestLoss, TestError: 100 - epoch.TestAccuracy)),
            ];
        });

    // The deepest plain network against the residual one of its depth, or against the shallowest plain one.
    private static Effect Compare(
        IReadOnlyList<DegradationRow> rows, string kind, Func<DegradationRow, double> error, bool toResidual)
    {
        var depths = rows.Where(row => !row.IsResidual).Select(row => row.Depth).DefaultIfEmpty().ToArray();
        var (deep, lowerDepth) = (depths.Max(), toResidual ? depths.Max() : depths.Min());
        return Effect.Difference(
            $"The {kind} error of Plain-{deep} ends", $"{(toResidual ? "ResNet" : "Plain")}-{lowerDepth}",
            Errors(false, deep), Errors(toResidual, lowerDepth));

        IEnumerable<(long, double)> Errors(bool isResidual, int depth) => rows
            .Where(row => row.IsResidual == isResidual && row.Depth == depth && row.Epoch == rows.LastEpoch())
            .Select(row => (row.Seed, error(row)));
    }
}

/// <summary>An epoch of a plain or residual network.</summary>
/// <param name="Depth">Number of layers with weights.</param>
/// <param name="MultiplyAdds">Multiply-adds of a forward pass with one image.</param>
/// <param name="TrainError">Percentage of the training images that were misclassified during the epoch.</param>
/// <param name="TestError">Percentage of the test images that are misclassified after the epoch.</param>
internal sealed record DegradationRow(
    string Network, int Depth, bool IsResidual, long Parameters, long MultiplyAdds, long Seed, int Epoch, double TrainLoss,
    double TrainError, double TestLoss, double TestError) : IEpochRow;
