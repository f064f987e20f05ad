using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using static MnistCnn.Charts.Wording;

namespace MnistCnn.Experiments;

/// <summary>
/// Compares plain and residual networks of growing depth. Two networks of one depth have the same parameters and initial weights.
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, figures 1 and 6; the article shows figure 1.
/// </summary>
internal sealed class Degradation() : Experiment<DegradationRow>(
    "degradation",
    "Deeper plain networks have a higher training error; shortcuts take that away.",
    FullSize,
    quick: FullSize with { Epochs = 3, TrainLimit = 400, TestLimit = 200, Quick = true })
{
    // The paper's recipe for fewer images: batches of 32, for more steps, at a learning rate that is smaller by the same factor (P. Goyal
    // et al., "Accurate, Large Minibatch SGD", 2017). No augmentation: a mirrored digit is not a digit.
    private static readonly ExperimentSettings FullSize = new(
        Seeds: 3, Epochs: 5, TrainLimit: 3_000, TestLimit: 2_000, "resnet-paper", LearningRate: 0.025, BatchSize: 32, Shortened: true);

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
    protected override IReadOnlyList<Effect> Effects(IReadOnlyList<DegradationRow> rows)
    {
        var plainDepths = rows.Where(row => !row.IsResidual).Select(row => row.Depth).DefaultIfEmpty().ToArray();
        var (shallow, deep) = (plainDepths.Min(), plainDepths.Max());
        var last = rows.LastEpoch();
        var end = $"after {Plural(last, "epoch")}";
        return
        [
            Effect.Difference($"training error of Plain-{deep} over Plain-{shallow} {end}", Errors(false, deep), Errors(false, shallow)),
            Effect.Difference($"training error of Plain-{deep} over ResNet-{deep} {end}", Errors(false, deep), Errors(true, deep)),
        ];

        IEnumerable<(long, double)> Errors(bool isResidual, int depth) => rows
            .Where(row => row.IsResidual == isResidual && row.Depth == depth && row.Epoch == last)
            .Select(row => (row.Seed, row.TrainError));
    }

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<DegradationRow> rows) =>
    [
        [
            .. from isResidual in new[] { false, true }
               let measured = rows.Where(row => row.IsResidual == isResidual).ToArray()
               where measured.Length > 0
               let title = CreateTitle(isResidual ? "Residual networks" : "Plain networks", measured)
               let yLabel = "Error (%), thin: training images, bold: test images"
               select new Chart(title, "Epoch", yLabel, [.. CreateCurves(measured)], rows.LastEpoch()),
        ],
    ];

    protected override ResultTable Table(IReadOnlyList<DegradationRow> rows)
    {
        var last = rows.LastEpoch();
        return new ResultTable(
            [
                "Network", "Parameters", "Multiply-adds",
                MeanAndDeviationHeading($"Training error {last}"), MeanAndDeviationHeading($"Test error {last}"),
            ],
            [
                .. from row in rows
                   group row by row.Network into network
                   let end = network.Where(row => row.Epoch == last)
                   orderby network.First().IsResidual, network.First().Depth
                   select new[]
                   {
                       network.Key,
                       Number(network.First().Parameters),
                       Number(network.First().MultiplyAdds),
                       MeanAndDeviation(end.Select(row => row.TrainError)),
                       MeanAndDeviation(end.Select(row => row.TestError)),
                   },
            ]);
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

    private static string CreateTitle(string family, IReadOnlyList<DegradationRow> rows)
    {
        var depths = rows.GroupBy(row => row.Depth).OrderBy(network => network.Key).ToArray();
        return depths.Length == 1 ? family : $"{family}: training error {LastError(depths[0])}, {LastError(depths[^1])}";

        static string LastError(IGrouping<int, DegradationRow> network)
        {
            var last = network.Max(row => row.Epoch);
            return $"{network.Where(row => row.Epoch == last).Average(row => row.TrainError):F1} % with {network.Key} layers";
        }
    }

    // Like the paper's figures: thin for training images, bold for test images.
    private static IEnumerable<Curve> CreateCurves(IEnumerable<DegradationRow> rows) =>
        from network in rows.GroupBy(row => row.Depth).OrderBy(network => network.Key).Index()
        from isTraining in new[] { true, false }
        let points = network.Item.Select(row => ((double)row.Epoch, isTraining ? row.TrainError : row.TestError))
        select Curve.MeanWithRange($"{network.Item.Key} layers, {(isTraining ? "training" : "test")}", points) with
        {
            IsThin = isTraining,
            StyleIndex = network.Index,
        };
}

/// <summary>An epoch of a plain or residual network.</summary>
/// <param name="Depth">Number of layers with weights.</param>
/// <param name="MultiplyAdds">Multiply-adds of a forward pass with one image.</param>
/// <param name="TrainError">Percentage of the training images that were misclassified during the epoch.</param>
/// <param name="TestError">Percentage of the test images that are misclassified after the epoch.</param>
internal sealed record DegradationRow(
    string Network, int Depth, bool IsResidual, long Parameters, long MultiplyAdds, long Seed, int Epoch, double TrainLoss,
    double TrainError, double TestLoss, double TestError) : IEpochRow;
