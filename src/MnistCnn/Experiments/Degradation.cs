using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Training;

namespace MnistCnn.Experiments;

/// <summary>
/// Plain and residual networks of growing depth, of which two of one depth have the same parameters and the same initial weights: the
/// figures 1 and 6 of K. He et al., "Deep Residual Learning for Image Recognition", 2015. The article shows figure 1.
/// </summary>
internal static class Degradation
{
    private const string Training = "training";

    // The paper's recipe, but for fewer images: steps of 32 of them, so that there are as many steps as that makes, at a learning rate that
    // is smaller by as much (P. Goyal et al., "Accurate, Large Minibatch SGD", 2017). Images stay as they are: a mirrored digit is none.
    private static readonly ExperimentSettings Standard = new(
        Seeds: 3, Epochs: 5, TrainLimit: 3_000, TestLimit: 2_000, Recipe: "resnet-paper", LearningRate: 0.025, BatchSize: 32, Shortened: true);

    /// <summary>The experiment.</summary>
    public static Experiment Experiment { get; } = new(
        "degradation",
        "Deeper plain networks have a higher training error; shortcuts take that away.",
        Standard,
        Standard with { Epochs = 3, TrainLimit = 400, TestLimit = 200, Quick = true },
        Trials,
        Experiment.From<DegradationRow>(Effects, Table, Charts));

    private static IEnumerable<Trial> Trials(ExperimentSettings settings, NetworkShape shape) =>
        from seed in Enumerable.Range(1, settings.Seeds)
        from depth in DepthsOf(settings)
        from name in new[] { $"plain{depth}", $"resnet{depth}" }
        let architecture = Architecture.Find(name)
        where architecture is not null
        select Trial(architecture, depth, shape, seed);

    // Of 110 layers there is a residual network alone.
    private static IEnumerable<int> DepthsOf(ExperimentSettings settings)
    {
        int[] depths = settings.Quick ? [20, 56] : [20, 32, 44, 56];
        return settings.Deep ? depths.Append(110) : depths;
    }

    private static Trial Trial(Architecture architecture, int depth, NetworkShape shape, long seed)
    {
        var costs = NetworkSummary.Summarize(architecture, shape);
        return new Trial($"{architecture.Title}, seed {seed}", costs.MultiplyAdds, context =>
        {
            using var run = context.Train(architecture, seed);
            return run.Folder.Epochs.Select(epoch => new DegradationRow(
                architecture.Title,
                depth,
                architecture.Name.StartsWith("resnet", StringComparison.Ordinal),
                costs.Parameters,
                costs.MultiplyAdds,
                seed,
                epoch.Epoch,
                epoch.TrainLoss,
                100 - epoch.TrainAccuracy!.Value,
                epoch.TestLoss,
                100 - epoch.TestAccuracy));
        });
    }

    // The deepest against the shallowest, which is where the paper looks.
    private static IReadOnlyList<Effect> Effects(IReadOnlyList<DegradationRow> rows)
    {
        var (last, shallow, deep) = Ends(rows);
        return
        [
            Effect.Difference($"training error of Plain-{deep} over Plain-{shallow} after {Wording.Plural(last, "epoch")}", Errors(false, deep), Errors(false, shallow)),
            Effect.Difference($"training error of Plain-{deep} over ResNet-{deep} after {Wording.Plural(last, "epoch")}", Errors(false, deep), Errors(true, deep)),
        ];

        IEnumerable<(long, double)> Errors(bool isResidual, int depth) => rows
            .Where(row => row.IsResidual == isResidual && row.Depth == depth && row.Epoch == last)
            .Select(row => (row.Seed, row.TrainError));
    }

    // Of 110 layers there is no plain network to compare with.
    private static (int Epoch, int Shallow, int Deep) Ends(IReadOnlyList<DegradationRow> rows)
    {
        var depths = rows.Where(row => !row.IsResidual).Select(row => row.Depth).DefaultIfEmpty().ToArray();
        return (rows.Select(row => row.Epoch).DefaultIfEmpty().Max(), depths.Min(), depths.Max());
    }

    private static IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<DegradationRow> rows) =>
    [
        [
            .. from isResidual in new[] { false, true }
               let measured = rows.Where(row => row.IsResidual == isResidual).ToArray()
               where measured.Length > 0
               select new Chart(Title(isResidual ? "Residual networks" : "Plain networks", measured), "Epoch", "Error (%), thin: training images, bold: test images", [.. Curves(measured)])
               {
                   IntegerAxisMax = rows.Max(row => row.Epoch),
               },
        ],
    ];

    // What the training errors after the last epoch say.
    private static string Title(string family, IEnumerable<DegradationRow> rows)
    {
        var depths = rows.GroupBy(row => row.Depth).OrderBy(network => network.Key).ToArray();
        return depths.Length == 1 ? family : $"{family}: training error {Of(depths[0])}, {Of(depths[^1])}";

        static string Of(IGrouping<int, DegradationRow> network) =>
            $"{network.Where(row => row.Epoch == network.Max(other => other.Epoch)).Average(row => row.TrainError):F1} % with {network.Key} layers";
    }

    // As in the paper's figures: thin for the training images, bold for those of the test.
    private static IEnumerable<Curve> Curves(IEnumerable<DegradationRow> rows) =>
        from network in rows.GroupBy(row => row.Depth).OrderBy(network => network.Key).Index()
        from part in new[] { Training, "test" }
        select Curve.MeanWithRange(
            $"{network.Item.Key} layers, {part}",
            network.Item.Select(row => ((double)row.Epoch, part == Training ? row.TrainError : row.TestError))) with
        {
            IsThin = part == Training,
            StyleIndex = network.Index,
        };

    private static ResultTable Table(IReadOnlyList<DegradationRow> rows)
    {
        var last = rows.Select(row => row.Epoch).DefaultIfEmpty().Max();
        return new ResultTable(
            [
                "Network",
                "Parameters",
                "Multiply-adds",
                Wording.MeanAndDeviationHeading($"Training error {last}"),
                Wording.MeanAndDeviationHeading($"Test error {last}"),
            ],
            [
                .. from row in rows
                   group row by row.Network into network
                   let end = network.Where(row => row.Epoch == last)
                   orderby network.First().IsResidual, network.First().Depth
                   select new[]
                   {
                       network.Key,
                       Wording.Number(network.First().Parameters),
                       Wording.Number(network.First().MultiplyAdds),
                       Wording.MeanAndDeviation(end.Select(row => row.TrainError)),
                       Wording.MeanAndDeviation(end.Select(row => row.TestError)),
                   },
            ]);
    }
}

/// <summary>An epoch of a plain or residual network of some depth.</summary>
/// <param name="Network">Its name.</param>
/// <param name="Depth">How many layers with weights it has.</param>
/// <param name="IsResidual">Whether it has shortcuts.</param>
/// <param name="Parameters">How many numbers it learns.</param>
/// <param name="MultiplyAdds">Multiply-adds of its forward pass for one image.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Epoch">Which epoch, from 1.</param>
/// <param name="TrainLoss">As <see cref="EpochMetrics.TrainLoss"/>.</param>
/// <param name="TrainError">What <see cref="EpochMetrics.TrainAccuracy"/> leaves to 100, in percent.</param>
/// <param name="TestLoss">As <see cref="EpochMetrics.TestLoss"/>.</param>
/// <param name="TestError">What <see cref="EpochMetrics.TestAccuracy"/> leaves to 100, in percent.</param>
internal sealed record DegradationRow(
    string Network,
    int Depth,
    bool IsResidual,
    long Parameters,
    long MultiplyAdds,
    long Seed,
    int Epoch,
    double TrainLoss,
    double TrainError,
    double TestLoss,
    double TestError);
