using MathNet.Numerics.Statistics;
using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Experiments;

/// <summary>The gradient in every layer of plain and of residual stacks, before and after some training.</summary>
internal static class Gradients
{
    private const int Channels = 16;

    private static readonly (string Name, string Short, Func<int, Module<Tensor, Tensor>> Block)[] Kinds =
    [
        ("residual", "with shortcuts", channels => new ResidualBlock(channels)),
        ("plain", "without shortcuts", channels => new PlainBlock(channels)),
    ];

    // What "vanishes" means here: less than a thousandth is left.
    private const double Vanished = 1_000;

    private const string Claim = "In a deep network the gradient vanishes, and shortcuts keep it alive.";

    /// <summary>The experiment.</summary>
    public static Experiment Experiment { get; } = new(
        "gradients",
        Claim,
        new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 19_200),
        new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 3_200, TestLimit: 1_000, Quick: true),
        Trials,
        Experiment.From<GradientRow>(Effects, Table, Charts));

    private static IEnumerable<Trial> Trials(ExperimentSettings settings, NetworkShape shape)
    {
        // The stacks take what the network without blocks takes.
        _ = NetworkSummary.Summarize(Architecture.Find("plain")!, shape);
        return
            from seed in Enumerable.Range(1, settings.Seeds)
            from blocks in settings.Quick ? new[] { 2, 8, 32 } : [2, 4, 8, 16, 32, 64]
            from kind in Kinds
            let name = $"{blocks} {kind.Name} blocks"
            let architecture = new Architecture(name, name, Claim, images => new Net(
                images,
                new ConvStage(Channels, "blocks", channels => Sequential(Enumerable.Range(0, blocks).Select(_ => kind.Block(channels))), Channels),
                new ConvStage(2 * Channels, "none", _ => Identity(), 2 * Channels)))
            select new Trial($"{name}, seed {seed}", blocks + 2, context =>
            {
                IEnumerable<GradientRow> before, after;
                using (var fresh = context.CreateTrainer(architecture, seed))
                    before = Rows(fresh, 0, null);
                using (var run = context.Train(architecture, seed))
                    after = Rows(run.Trainer, run.Trainer.StepsPerEpoch * settings.Epochs, run.Folder.Epochs[^1].TestAccuracy);
                return before.Concat(after);

                GradientRow[] Rows(Trainer trainer, long step, double? testAccuracy) =>
                [
                    .. GradientNorms.Of(trainer.Model, context)
                        .Where(layer => layer.Name.StartsWith("blocks.", StringComparison.Ordinal))
                        .Select((layer, index) => new GradientRow(kind.Name, blocks, seed, step, index + 1, layer.Norm!.Value, testAccuracy)),
                ];
            });
    }

    // In the deepest stacks, before training.
    private static IReadOnlyList<Effect> Effects(IReadOnlyList<GradientRow> rows)
    {
        var start = rows.Where(row => row.Step == 0 && row.Blocks == rows.Max(other => other.Blocks)).ToArray();
        var blocks = start.Select(row => row.Blocks).FirstOrDefault();
        var convolutions = 2 * blocks;
        return
        [
            Effect.Ratio($"Last gradient over the first of {blocks} plain blocks", Of("plain", convolutions), Of("plain", 1), Vanished),
            Effect.Ratio($"First gradient of {blocks} residual blocks over that of {blocks} plain ones", Of("residual", 1), Of("plain", 1), Vanished),
        ];

        // What float32 has no number for is at most the smallest that it has.
        IEnumerable<(long, double)> Of(string network, int layer) =>
            from row in start
            where row.Network == network && row.Layer == layer
            select (row.Seed, Math.Max(row.GradientNorm, float.Epsilon));
    }

    private static IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<GradientRow> rows) => [[ThroughTheDeepest(rows), Accuracy(rows)]];

    // As it goes through a stack: from its output to its input.
    private static Chart ThroughTheDeepest(IReadOnlyList<GradientRow> rows)
    {
        var deepest = rows.Where(row => row.Step == 0 && row.Blocks == rows.Max(other => other.Blocks)).ToArray();
        var blocks = deepest[0].Blocks;
        var curves = Kinds
            .Select(kind => Curve.GeometricMeanWithRange(
                kind.Short, deepest.Where(row => row.Network == kind.Name).Select(row => (2.0 * blocks - row.Layer, row.GradientNorm))))
            .Where(curve => curve.Y.Count > 0).ToArray();
        var left = curves.Select(curve => $"{Share(curve.Y[^1] / curve.Y[0])} {curve.Name}");
        return new Chart(
            $"What is left of the gradient after {blocks} untrained blocks: {string.Join(", ", left)}",
            "Convolutions back from the output of the stack",
            "Norm of the gradient of a convolution's weights, geometric mean",
            [.. curves.Select(curve => curve.Y.Contains(0) ? curve with { Name = $"{curve.Name}, then 0" } : curve)])
        {
            LogY = true,
        };
    }

    private static string Share(double share) =>
        share == 0 || !double.IsFinite(share) ? "nothing" : share < 0.001 ? Wording.PowerOfTen(Math.Log10(share)) : $"{100 * share:G2} %";

    private static Chart Accuracy(IReadOnlyList<GradientRow> rows)
    {
        var step = rows.Max(row => row.Step);
        var curves = (
            from kind in Kinds
            let measured = FirstLayers(rows, kind.Name, step).Where(row => row.TestAccuracy is not null).ToArray()
            where measured.Length > 0
            select Curve.MeanWithRange(kind.Short, measured.Select(row => ((double)row.Blocks, row.TestAccuracy!.Value)))).ToArray();
        var most = rows.Max(row => row.Blocks);
        var deepest = curves.Where(curve => curve.X[^1] == most).Select(curve => $"{curve.Y[^1]:F0} % {curve.Name}");
        return new Chart(
            $"After {step} steps, {most} blocks reach {string.Join(", ", deepest)}",
            "Blocks of two convolutions",
            Chart.AccuracyLabel,
            curves)
        {
            LogX = true,
        };
    }

    private static ResultTable Table(IReadOnlyList<GradientRow> rows)
    {
        var last = rows.Select(row => row.Step).DefaultIfEmpty().Max();
        return new ResultTable(
            ["Stack", "First gradient", $"After {last} steps", Wording.MeanAndDeviationHeading("Accuracy")],
            [
                .. from stack in rows.GroupBy(row => (row.Blocks, row.Network))
                   let end = FirstLayers(stack, stack.Key.Network, last).ToArray()
                   orderby stack.Key
                   select new[]
                   {
                       $"{stack.Key.Blocks} {stack.Key.Network} blocks",
                       Norm(FirstLayers(stack, stack.Key.Network, 0)),
                       Norm(end),
                       Wording.MeanAndDeviation(end.Select(row => row.TestAccuracy).OfType<double>()),
                   },
            ]);

        static string Norm(IEnumerable<GradientRow> layers) =>
            layers.Any() ? $"{layers.Select(row => row.GradientNorm).GeometricMean():0.0e+0}" : "";
    }

    private static IEnumerable<GradientRow> FirstLayers(IEnumerable<GradientRow> rows, string network, long step) =>
        rows.Where(row => row.Network == network && row.Step == step && row.Layer == 1);
}

/// <summary>The gradient in one convolution of a stack of blocks.</summary>
/// <param name="Network">What the stack is of.</param>
/// <param name="Blocks">How many blocks it has, of two convolutions each.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Step">After how many steps of training.</param>
/// <param name="Layer">Which convolution of the stack, from 1, counted from the input.</param>
/// <param name="GradientNorm">Euclidean norm of the gradient of the loss in the convolution's weights.</param>
/// <param name="TestAccuracy">Of the whole network after those steps, in percent; of the start it is not measured.</param>
internal sealed record GradientRow(string Network, int Blocks, long Seed, long Step, int Layer, double GradientNorm, double? TestAccuracy);
