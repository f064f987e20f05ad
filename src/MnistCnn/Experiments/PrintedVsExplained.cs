using MathNet.Numerics.Statistics;
using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using static MnistCnn.Charts.Wording;

namespace MnistCnn.Experiments;

/// <summary>
/// Compares the Residual network as the article prints and as it explains it: a find of this project. Two controls show the cause of a
/// difference: the explained network with fewer trainable parameters, and with larger initial weights, which pass more of the gradient.
/// </summary>
internal sealed class PrintedVsExplained() : Experiment<PrintedVsExplainedRow>(
    "listing",
    "This project's find: the Residual network as printed ends higher than the one that is explained.",
    full: new ExperimentSettings(Seeds: 10, Epochs: 10, TrainLimit: 60_000),
    quick: new ExperimentSettings(Seeds: 3, Epochs: 2, TrainLimit: 6_000, TestLimit: 2_000, Quick: true))
{
    private const int LayersWithWeights = 7;

    private static readonly Architecture Printed = Architecture.Find("residual-as-printed")!;
    private static readonly Architecture Explained = Architecture.Find("residual")!;

    // They draw no additional random numbers, so they have the same initial weights and order of images as the pair.
    private static readonly Architecture HalfFrozen = CreateVariant("residual-frozen", "Residual half frozen", Freeze);
    private static readonly Architecture LargerWeights =
        CreateVariant("residual-he", "Residual with larger weights", StackExperiment.ScaleToHe);

    private static readonly (Architecture Network, string CurveName)[] Networks =
        [(Printed, "as printed"), (Explained, "as explained"), (HalfFrozen, "half frozen"), (LargerWeights, "larger weights")];

    // The two networks of the claim come first, with all of their seeds.
    public override IEnumerable<Trial<PrintedVsExplainedRow>> Trials(ExperimentSettings settings, NetworkShape shape) =>
        from networks in new[] { new[] { Printed, Explained }, [HalfFrozen, LargerWeights] }
        let costs = networks.ToDictionary(network => network, network => NetworkSummary.Summarize(network, shape))
        from seed in Enumerable.Range(1, settings.Seeds)
        from network in networks
        select CreateTrial(network, costs[network], seed);

    protected override IReadOnlyList<Verdict> Verdicts(IReadOnlyList<PrintedVsExplainedRow> rows) =>
        [new([CompareAtEnd(rows)])];

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<PrintedVsExplainedRow> rows)
    {
        var trained = rows.Where(row => row.Epoch > 0).ToArray();
        var accuracies = CreateCurves(trained, Curve.MeanWithRange, row => [(row.Epoch, row.TestAccuracy)]);
        var losses = CreateCurves(trained, Curve.GeometricMeanWithRange, row => [(row.Epoch, row.TrainLoss)]);
        var last = rows.LastEpoch();
        return
        [
            [
                new Chart(CompareAtEnd(rows).Finding, "Epoch", Chart.AccuracyLabel, accuracies, last),
                new Chart(
                    $"The lowest loss of the training images: {losses.MinBy(curve => curve.Y[^1])!.Name}",
                    "Epoch", "Loss of the training images (nats), geometric mean", losses, last, LogY: true),
            ],
            [CreateGradientChart(rows), CreateSeedChart(trained, last)],
        ];
    }

    protected override ResultTable Table(IReadOnlyList<PrintedVsExplainedRow> rows)
    {
        var last = rows.LastEpoch();
        return ResultTable.OverTestImages(
            ["Network", "Trainable", "Block gradient", "Loss"],
            $"Epoch {last}",
            from row in rows
            group row by row.Network into network
            let end = network.Where(row => row.Epoch == last && last > 0)
            select (
                new[]
                {
                    network.Key,
                    Number(network.First().TrainableParameters),
                    $"{MeanGradientInBlock(network):F2}",
                    end.Any() ? $"{end.Select(row => row.TrainLoss!.Value).GeometricMean():F4}" : "",
                },
                end.Select(row => row.TestAccuracy!.Value)));
    }

    private static Effect CompareAtEnd(IReadOnlyList<PrintedVsExplainedRow> rows)
    {
        var trained = rows.Where(row => row.Epoch > 0).ToArray();
        return Effect.Difference(
            $"{Printed.Title} ends", Explained.Title,
            trained.AtEnd(Printed.Title, row => row.TestAccuracy!.Value), trained.AtEnd(Explained.Title, row => row.TestAccuracy!.Value));
    }

    private static Trial<PrintedVsExplainedRow> CreateTrial(Architecture network, NetworkSummary costs, long seed) =>
        new($"{network.Title}, seed {seed}", costs.MultiplyAdds, context =>
        {
            PrintedVsExplainedRow start;
            using (var untrained = context.CreateTrainer(network, seed))
            {
                var parameters = CountTrainable(untrained.Model, costs);
                start = AddGradients(new PrintedVsExplainedRow(network.Title, parameters, seed, Epoch: 0), untrained.Model, context);
            }

            using var run = context.Train(network, seed);
            PrintedVsExplainedRow[] epochs =
            [
                .. run.Folder.Epochs.Select(epoch => new PrintedVsExplainedRow(
                    network.Title, start.TrainableParameters, seed, epoch.Epoch, epoch.TrainLoss, epoch.TestLoss, epoch.TestAccuracy)),
            ];
            return [start, .. epochs[..^1], AddGradients(epochs[^1], run.Trainer.Model, context)];
        });

    // Parameters of unused layers get no gradient.
    private static long CountTrainable(Module<Tensor, Tensor> model, NetworkSummary costs) => model.named_parameters()
        .Where(named => named.parameter.requires_grad && !costs.UnusedLayers!.Any(layer => Layers.IsInside(layer, named.name)))
        .Sum(named => named.parameter.numel());

    private static PrintedVsExplainedRow AddGradients(PrintedVsExplainedRow row, Module<Tensor, Tensor> model, TrialContext context)
    {
        var norms = context.ComputeGradientNorms(model).ToDictionary(layer => layer.Layer, layer => layer.Norm);
        return row with
        {
            Conv1Gradient = norms["conv1"],
            Block1Conv1Gradient = norms["rBlock1.conv1"],
            Block1Conv2Gradient = norms["rBlock1.conv2"],
            Conv2Gradient = norms["conv2"],
            Block2Conv1Gradient = norms["rBlock2.conv1"],
            Block2Conv2Gradient = norms["rBlock2.conv2"],
            LinearGradient = norms["linear"],
        };
    }

    private static Architecture CreateVariant(string name, string title, Action<ResidualBlock> change) => new(name, title, title, shape =>
    {
        var network = Explained.Make(shape);
        using var noGradient = no_grad();
        foreach (var block in network.children().OfType<ResidualBlock>())
            change(block);
        return network;
    });

    // The first convolution of each block keeps its initial weights.
    private static void Freeze(ResidualBlock block)
    {
        foreach (var (name, parameter) in block.named_parameters())
            parameter.requires_grad = !Layers.IsInside("conv1", name);
    }

    private static Chart CreateGradientChart(IReadOnlyList<PrintedVsExplainedRow> rows)
    {
        var start = rows.Where(row => row.Epoch == 0);
        var curves = CreateCurves(start, Curve.GeometricMeanWithRange, row => row.Gradients.Select((norm, index) => (index + 1.0, norm)));
        var ratio = MeanGradientInBlock(start.Where(row => row.Network == Printed.Title))
            / MeanGradientInBlock(start.Where(row => row.Network == Explained.Title));
        var title = double.IsFinite(ratio)
            ? $"Before training, the printed block gets {ratio:F1} times the gradient of the explained one"
            : "The gradient before training";
        return new Chart(
            title,
            "Layer with weights, counted from the input",
            "Gradient norm of a layer's weights, geometric mean; gap: no gradient",
            curves,
            LayersWithWeights,
            LogY: true);
    }

    // Before training, in the second convolution of the first block.
    private static double MeanGradientInBlock(IEnumerable<PrintedVsExplainedRow> rows) =>
        rows.Where(row => row.Epoch == 0).Select(row => row.Block1Conv2Gradient!.Value).GeometricMean();

    private static Chart CreateSeedChart(IReadOnlyList<PrintedVsExplainedRow> trained, int last)
    {
        var pair = trained.Where(row => row.Epoch == last && (row.Network == Printed.Title || row.Network == Explained.Title));
        var curves = CreateCurves(pair, Curve.MeanWithRange, row => [(row.Seed, row.TestAccuracy)]);
        var both = curves is [var first, var second] ? first.X.Intersect(second.X).ToArray() : [];
        var higher = both.Count(seed => curves[0].ValueAt(seed) > curves[1].ValueAt(seed));
        return new Chart(
            $"The printed network ends higher with {higher} of {Plural(both.Length, "seed")}",
            "Seed", $"{Chart.AccuracyLabel}, after the last epoch", [.. curves.Select(curve => curve with { HasLine = false })],
            (int)trained.Max(row => row.Seed));
    }

    // One curve per network, in the order of Networks. Null becomes a gap.
    private static Curve[] CreateCurves(
        IEnumerable<PrintedVsExplainedRow> rows,
        Func<string, IEnumerable<(double X, double Y)>, Curve> average,
        Func<PrintedVsExplainedRow, IEnumerable<(double X, double? Y)>> points) =>
    [
        .. from network in Networks
           let measured = rows.Where(row => row.Network == network.Network.Title).ToArray()
           where measured.Length > 0
           select average(network.CurveName, measured.SelectMany(points).Select(point => (point.X, point.Y ?? double.NaN))),
    ];
}

/// <summary>
/// A Residual network after an epoch, or before training. Gradients are Euclidean norms, measured before training and after the last
/// epoch; null for a layer without a gradient.
/// </summary>
/// <param name="TrainableParameters">Number of parameters outside frozen and unused layers.</param>
internal sealed record PrintedVsExplainedRow(
    string Network, [property: JsonPropertyName("learnt")] long TrainableParameters, long Seed, int Epoch, double? TrainLoss = null,
    double? TestLoss = null, double? TestAccuracy = null, double? Conv1Gradient = null, double? Block1Conv1Gradient = null,
    double? Block1Conv2Gradient = null, double? Conv2Gradient = null, double? Block2Conv1Gradient = null,
    double? Block2Conv2Gradient = null, double? LinearGradient = null) : IEpochRow
{
    /// <summary>Gradients from the input to the output.</summary>
    [JsonIgnore]
    public IReadOnlyList<double?> Gradients =>
        [Conv1Gradient, Block1Conv1Gradient, Block1Conv2Gradient, Conv2Gradient, Block2Conv1Gradient, Block2Conv2Gradient, LinearGradient];
}
