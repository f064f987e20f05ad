using System.Text.Json.Serialization;
using MathNet.Numerics.Statistics;
using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Training;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Experiments;

/// <summary>
/// The Residual network that the article prints against the one that it explains; and, to see what makes the difference, the explained one
/// with less to learn, and with more of a gradient.
/// </summary>
internal static class PrintedVsExplained
{
    private const string Explained = "residual";

    private static readonly Architecture[] Pair = [Architecture.Find("residual-as-printed")!, Architecture.Find(Explained)!];

    // With the initial weights and the order of the images of the pair: nothing more is drawn from the random generator.
    private static readonly Architecture[] Controls =
    [
        Changed("residual-frozen", "Residual half frozen", "the explained network, in which the first convolution of each block stays as it was made", Freeze),
        Changed("residual-he", "Residual with larger weights", "the explained network, whose blocks start with weights of the size that He et al. chose for relu", Enlarge),
    ];

    private static readonly Dictionary<string, string> ShortNames =
        Pair.Concat(Controls).Zip(["as printed", "as explained", "half frozen", "larger weights"]).ToDictionary(pair => pair.First.Title, pair => pair.Second);

    /// <summary>The experiment.</summary>
    public static Experiment Experiment { get; } = new(
        "listing",
        "The Residual network as printed ends higher than the one that is explained.",
        new ExperimentSettings(Seeds: 10, Epochs: 10, TrainLimit: 60_000),
        new ExperimentSettings(Seeds: 3, Epochs: 2, TrainLimit: 6_000, TestLimit: 2_000, Quick: true),
        Trials,
        Experiment.From<ListingRow>(Effects, Table, Charts));

    // The two that the claim is about come first, with all of their seeds.
    private static IEnumerable<Trial> Trials(ExperimentSettings settings, NetworkShape shape) =>
        from networks in new[] { Pair, Controls }
        let summaries = networks.ToDictionary(network => network, network => NetworkSummary.Summarize(network, shape))
        from seed in Enumerable.Range(1, settings.Seeds)
        from network in networks
        select Trial(network, summaries[network], seed);

    private static Trial Trial(Architecture network, NetworkSummary summary, long seed) =>
        new($"{network.Title}, seed {seed}", summary.MultiplyAdds, context =>
        {
            ListingRow start;
            using (var fresh = context.CreateTrainer(network, seed))
                start = WithGradients(new ListingRow(network.Title, Learnt(fresh.Model, summary), seed, Epoch: 0), fresh.Model, context);
            using var run = context.Train(network, seed);
            ListingRow[] epochs = [.. run.Folder.Epochs.Select(epoch => After(start, epoch))];
            return [start, .. epochs[..^1], WithGradients(epochs[^1], run.Trainer.Model, context)];
        });

    private static ListingRow After(ListingRow start, EpochMetrics epoch) => new(start.Network, start.Learnt, start.Seed, epoch.Epoch)
    {
        TrainLoss = epoch.TrainLoss,
        TestLoss = epoch.TestLoss,
        TestAccuracy = epoch.TestAccuracy,
    };

    private static ListingRow WithGradients(ListingRow row, Module<Tensor, Tensor> model, TrialContext context)
    {
        var norms = GradientNorms.Of(model, context).ToDictionary(layer => layer.Name, layer => layer.Norm);
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

    private static long Learnt(Module<Tensor, Tensor> model, NetworkSummary summary) => model.named_parameters()
        .Where(named => named.parameter.requires_grad && !summary.UnusedLayers!.Any(layer => Layers.IsInside(layer, named.name)))
        .Sum(named => named.parameter.numel());

    private static Architecture Changed(string name, string title, string description, Action<Module<Tensor, Tensor>> change) => new(
        name,
        title,
        description,
        shape =>
        {
            var network = Architecture.Find(Explained)!.Make(shape);
            using var noGradient = no_grad();
            foreach (var block in network.named_children().Where(child => child.module is ResidualBlock))
                change((Module<Tensor, Tensor>)block.module);
            return network;
        });

    private static void Freeze(Module<Tensor, Tensor> block)
    {
        foreach (var (name, parameter) in block.named_parameters())
            parameter.requires_grad = !Layers.IsInside("conv1", name);
    }

    // PyTorch draws them with a variance of 1 / (3 * inputs), He et al. with 2 / inputs.
    private static void Enlarge(Module<Tensor, Tensor> block)
    {
        using Scalar factor = Math.Sqrt(6); // by name, lest it be finalised during the call
        foreach (var (name, parameter) in block.named_parameters())
            if (name.EndsWith(".weight", StringComparison.Ordinal))
                parameter.mul_(factor);
    }

    private static IReadOnlyList<Effect> Effects(IReadOnlyList<ListingRow> rows)
    {
        var last = rows.Select(row => row.Epoch).DefaultIfEmpty().Max();
        return [Effect.Difference($"{Pair[0].Title} over {Pair[1].Title} after {Wording.Plural(last, "epoch")}", Of(Pair[0]), Of(Pair[1]))];

        IEnumerable<(long, double)> Of(Architecture network) =>
            rows.Where(row => row.Network == network.Title && row.Epoch == last && last > 0).Select(row => (row.Seed, row.TestAccuracy!.Value));
    }

    private static IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<ListingRow> rows)
    {
        var trained = rows.Where(row => row.Epoch > 0).ToArray();
        var accuracies = Curves(trained, row => [(row.Epoch, row.TestAccuracy)]);
        var losses = Curves(trained, row => [(row.Epoch, row.TrainLoss)], Curve.GeometricMeanWithRange);
        var last = rows.Max(row => row.Epoch);
        var least = losses.MinBy(curve => curve.Y[^1])!;
        return
        [
            [
                new Chart(
                    $"After {Wording.Plural(last, "epoch")}: {string.Join(", ", accuracies.Take(2).Select(curve => $"{curve.Name} {curve.Y[^1]:F2} %"))}",
                    "Epoch",
                    Chart.AccuracyLabel,
                    accuracies) { IntegerAxisMax = last },
                new Chart(
                    $"The lowest loss of the training images: {least.Name}",
                    "Epoch",
                    "Loss of the training images (nats), geometric mean",
                    losses) { IntegerAxisMax = last, LogY = true },
            ],
            [AtTheStart(rows), SeedBySeed(trained, last)],
        ];
    }

    private static Chart AtTheStart(IReadOnlyList<ListingRow> rows)
    {
        var curves = Curves(
            rows.Where(row => row.Epoch == 0), row => row.Gradients.Select((norm, index) => (index + 1.0, norm)), Curve.GeometricMeanWithRange);
        double[][] inBlock = [.. Pair.Select(network => GradientsInBlock(rows.Where(row => row.Network == network.Title)))];
        var times = inBlock[0].GeometricMean() / inBlock[1].GeometricMean();
        var title = double.IsFinite(times)
            ? $"Before training, the printed block gets {times:F1} times the gradient of the explained one"
            : "The gradient before training";
        return new Chart(
            title,
            "Layer with weights, counted from the input",
            "Gradient norm of a layer's weights, geometric mean; gap: no gradient",
            curves)
        {
            IntegerAxisMax = 7,
            LogY = true,
        };
    }

    // At the start, in the second convolution of the first block.
    private static double[] GradientsInBlock(IEnumerable<ListingRow> rows) =>
        [.. rows.Where(row => row.Epoch == 0).Select(row => row.Block1Conv2Gradient!.Value)];

    private static Chart SeedBySeed(IReadOnlyList<ListingRow> trained, int last)
    {
        var pair = trained.Where(row => row.Epoch == last && Pair.Any(network => network.Title == row.Network)).ToArray();
        Curve[] curves = [.. Curves(pair, row => [(row.Seed, row.TestAccuracy)]).Select(curve => curve with { HasLine = false })];
        var both = curves is [var first, var second] ? first.X.Intersect(second.X).ToArray() : [];
        var higher = both.Count(seed => curves[0].ValueAt(seed) > curves[1].ValueAt(seed));
        return new Chart(
            $"The printed network ends higher with {higher} of {Wording.Plural(both.Length, "seed")}", "Seed", $"{Chart.AccuracyLabel}, after the last epoch", curves)
        {
            IntegerAxisMax = (int)trained.Max(row => row.Seed),
        };
    }

    // One for each network, under its short name.
    private static Curve[] Curves(
        IEnumerable<ListingRow> rows,
        Func<ListingRow, IEnumerable<(double X, double? Y)>> points,
        Func<string, IEnumerable<(double X, double Y)>, Curve>? mean = null) =>
    [
        .. from row in rows
           group row by row.Network into network
           orderby Array.IndexOf([.. ShortNames.Keys], network.Key)
           let measured = network.SelectMany(points).Select(point => (point.X, point.Y ?? double.NaN))
           select (mean ?? Curve.MeanWithRange)(ShortNames[network.Key], measured),
    ];

    private static ResultTable Table(IReadOnlyList<ListingRow> rows)
    {
        var last = rows.Select(row => row.Epoch).DefaultIfEmpty().Max();
        return new ResultTable(
            ["Network", "Trainable parameters", "Gradient in block", "Loss", Wording.MeanAndDeviationHeading($"Epoch {last}")],
            [
                .. from row in rows
                   group row by row.Network into network
                   let end = network.Where(row => row.Epoch == last && last > 0)
                   select new[]
                   {
                       network.Key,
                       Wording.Number(network.First().Learnt),
                       $"{GradientsInBlock(network).GeometricMean():F2}",
                       end.Any() ? $"{end.Select(row => row.TrainLoss!.Value).GeometricMean():F4}" : "",
                       Wording.MeanAndDeviation(end.Select(row => row.TestAccuracy!.Value)),
                   },
            ]);
    }
}

/// <summary>
/// A Residual network after an epoch, or before the first. The gradients, Euclidean norms as of <see cref="GradientNorms"/>, are
/// measured at the start and after the last epoch; a layer that gets none has none.
/// </summary>
/// <param name="Network">Its name.</param>
/// <param name="Learnt">How many numbers it learns: those of layers that are frozen or not used are not among them.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Epoch">Which epoch, from 1; 0 is the start.</param>
/// <param name="TrainLoss">As <see cref="EpochMetrics.TrainLoss"/>.</param>
/// <param name="TestLoss">As <see cref="EpochMetrics.TestLoss"/>.</param>
/// <param name="TestAccuracy">As <see cref="EpochMetrics.TestAccuracy"/>, in percent.</param>
/// <param name="Conv1Gradient">Of the network's first convolution.</param>
/// <param name="Block1Conv1Gradient">Of the first convolution of the first block.</param>
/// <param name="Block1Conv2Gradient">Of its second convolution.</param>
/// <param name="Conv2Gradient">Of the network's second convolution.</param>
/// <param name="Block2Conv1Gradient">Of the first convolution of the second block.</param>
/// <param name="Block2Conv2Gradient">Of its second convolution.</param>
/// <param name="LinearGradient">Of the linear layer.</param>
internal sealed record ListingRow(
    string Network,
    long Learnt,
    long Seed,
    int Epoch,
    double? TrainLoss = null,
    double? TestLoss = null,
    double? TestAccuracy = null,
    double? Conv1Gradient = null,
    double? Block1Conv1Gradient = null,
    double? Block1Conv2Gradient = null,
    double? Conv2Gradient = null,
    double? Block2Conv1Gradient = null,
    double? Block2Conv2Gradient = null,
    double? LinearGradient = null)
{
    /// <summary>The gradients, from the input to the output.</summary>
    [JsonIgnore]
    public IReadOnlyList<double?> Gradients =>
        [Conv1Gradient, Block1Conv1Gradient, Block1Conv2Gradient, Conv2Gradient, Block2Conv1Gradient, Block2Conv2Gradient, LinearGradient];
}
