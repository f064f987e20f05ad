using MathNet.Numerics.Statistics;
using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Training;
using static MnistCnn.Charts.Wording;

namespace MnistCnn.Experiments;

/// <summary>Measures the gradient in every layer of plain and residual stacks of blocks, before and after some training.</summary>
internal sealed class Gradients() : Experiment<GradientRow>(
    "gradients",
    "In a deep network the gradient vanishes, and shortcuts keep it alive.",
    full: new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 19_200),
    quick: new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 3_200, TestLimit: 1_000, Quick: true))
{
    private const string Plain = "plain", Residual = "residual";
    private const int Channels = 16;

    // The claim's "vanishes" is read as: less than a thousandth is left.
    private const double Vanished = 1_000;

    private static readonly (string Name, string CurveName, Func<int, Module<Tensor, Tensor>> CreateBlock)[] StackTypes =
    [
        (Residual, "with shortcuts", channels => new ResidualBlock(channels)),
        (Plain, "without shortcuts", channels => new PlainBlock(channels)),
    ];

    public override IEnumerable<Trial<GradientRow>> Trials(ExperimentSettings settings, NetworkShape shape)
    {
        // Fails for images that are too small: the stacks accept the same images as the network without blocks.
        _ = NetworkSummary.Summarize(Architecture.Find("plain")!, shape);
        return
            from seed in Enumerable.Range(1, settings.Seeds)
            from blocks in settings.Quick ? new[] { 2, 8, 32 } : [2, 4, 8, 16, 32, 64]
            from stack in StackTypes
            select CreateTrial(stack.Name, stack.CreateBlock, blocks, seed);
    }

    // In the deepest stacks, before training.
    protected override IReadOnlyList<Effect> Effects(IReadOnlyList<GradientRow> rows)
    {
        var start = DeepestBeforeTraining(rows);
        var blocks = start.Select(row => row.Blocks).FirstOrDefault();
        return
        [
            Effect.Ratio($"Last gradient over the first of {blocks} plain blocks", Norms(Plain, 2 * blocks), Norms(Plain, 1), Vanished),
            Effect.Ratio(
                $"First gradient of {blocks} residual blocks over {blocks} plain ones",
                Norms(Residual, 1), Norms(Plain, 1), Vanished),
        ];

        // A norm of 0 counts as the smallest positive float32.
        IEnumerable<(long, double)> Norms(string network, int layer) =>
            from row in start
            where row.Network == network && row.Layer == layer
            select (row.Seed, Math.Max(row.GradientNorm, float.Epsilon));
    }

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<GradientRow> rows) =>
        [[CreateGradientChart(DeepestBeforeTraining(rows)), CreateAccuracyChart(rows)]];

    protected override ResultTable Table(IReadOnlyList<GradientRow> rows)
    {
        var last = rows.Select(row => row.Step).DefaultIfEmpty().Max();
        return new ResultTable(
            ["Stack", "First gradient", $"After {last} steps", MeanAndDeviationHeading("Accuracy")],
            [
                .. from stack in rows.GroupBy(row => (row.Blocks, row.Network))
                   let end = FirstLayers(stack, stack.Key.Network, last).ToArray()
                   orderby stack.Key
                   select new[]
                   {
                       $"{stack.Key.Blocks} {stack.Key.Network} blocks",
                       MeanNorm(FirstLayers(stack, stack.Key.Network, 0)),
                       MeanNorm(end),
                       MeanAndDeviation(end.Select(row => row.TestAccuracy).OfType<double>()),
                   },
            ]);

        static string MeanNorm(IEnumerable<GradientRow> layers) =>
            layers.Any() ? $"{layers.Select(row => row.GradientNorm).GeometricMean():0.0e+0}" : "";
    }

    private Trial<GradientRow> CreateTrial(string network, Func<int, Module<Tensor, Tensor>> createBlock, int blocks, long seed)
    {
        var name = $"{blocks} {network} blocks";
        var architecture = new Architecture(name, name, Claim, images => new Net(
            images,
            new ConvStage(Channels, "blocks", width => Sequential(Enumerable.Range(0, blocks).Select(_ => createBlock(width))), Channels),
            new ConvStage(2 * Channels, "none", _ => Identity(), 2 * Channels)));
        return new Trial<GradientRow>($"{name}, seed {seed}", blocks + 2, context =>
        {
            IEnumerable<GradientRow> before, after;
            using (var untrained = context.CreateTrainer(architecture, seed))
                before = Measure(untrained, 0, null);
            using (var run = context.Train(architecture, seed))
                after = Measure(run.Trainer, run.Trainer.StepsPerEpoch * run.Folder.Epochs.Count, run.Folder.Epochs[^1].TestAccuracy);
            return before.Concat(after);

            GradientRow[] Measure(Trainer trainer, long step, double? testAccuracy) =>
            [
                .. context.ComputeGradientNorms(trainer.Model)
                    .Where(layer => layer.Layer.StartsWith("blocks.", StringComparison.Ordinal))
                    .Select((layer, index) => new GradientRow(network, blocks, seed, step, index + 1, layer.Norm!.Value, testAccuracy)),
            ];
        });
    }

    // In the direction of backpropagation: from the output of the stack to its input.
    private static Chart CreateGradientChart(GradientRow[] deepest)
    {
        var blocks = deepest[0].Blocks;
        var curves = StackTypes
            .Select(stack => Curve.GeometricMeanWithRange(
                stack.CurveName,
                deepest.Where(row => row.Network == stack.Name).Select(row => (2.0 * blocks - row.Layer, row.GradientNorm))))
            .Where(curve => curve.Y.Count > 0).ToArray();
        var left = curves.Select(curve => $"{FormatFraction(curve.Y[^1] / curve.Y[0])} {curve.Name}");
        return new Chart(
            $"The rest of the gradient after {blocks} untrained blocks: {string.Join(", ", left)}",
            "Convolutions back from the output of the stack",
            "Norm of the gradient of a convolution's weights, geometric mean",
            [.. curves.Select(curve => curve.Y.Contains(0) ? curve with { Name = $"{curve.Name}, then 0" } : curve)],
            LogY: true);
    }

    private static string FormatFraction(double fraction) =>
        fraction == 0 || !double.IsFinite(fraction) ? "nothing"
        : fraction < 0.001 ? PowerOfTen(Math.Log10(fraction))
        : $"{100 * fraction:G2} %";

    private static Chart CreateAccuracyChart(IReadOnlyList<GradientRow> rows)
    {
        var step = rows.Max(row => row.Step);
        var curves = (
            from stack in StackTypes
            let measured = FirstLayers(rows, stack.Name, step).Where(row => row.TestAccuracy is not null).ToArray()
            where measured.Length > 0
            select Curve.MeanWithRange(stack.CurveName, measured.Select(row => ((double)row.Blocks, row.TestAccuracy!.Value)))).ToArray();
        var most = rows.Max(row => row.Blocks);
        var deepest = curves.Where(curve => curve.X[^1] == most).Select(curve => $"{curve.Y[^1]:F0} % {curve.Name}");
        var title = $"After {step} steps, {most} blocks reach {string.Join(", ", deepest)}";
        return new Chart(title, "Blocks of two convolutions", Chart.AccuracyLabel, curves, LogX: true);
    }

    private static GradientRow[] DeepestBeforeTraining(IReadOnlyList<GradientRow> rows)
    {
        var most = rows.Select(row => row.Blocks).DefaultIfEmpty().Max();
        return [.. rows.Where(row => row.Step == 0 && row.Blocks == most)];
    }

    private static IEnumerable<GradientRow> FirstLayers(IEnumerable<GradientRow> rows, string network, long step) =>
        rows.Where(row => row.Network == network && row.Step == step && row.Layer == 1);
}

/// <summary>The gradient in one convolution of a stack of blocks.</summary>
/// <param name="Network">Type of the blocks.</param>
/// <param name="Blocks">Number of blocks, with two convolutions each.</param>
/// <param name="Step">Number of training steps before the measurement.</param>
/// <param name="Layer">Number of the convolution in the stack, from 1, counted from the input.</param>
/// <param name="GradientNorm">Euclidean norm of the loss gradient in the convolution's weights.</param>
/// <param name="TestAccuracy">Accuracy of the network after these steps in percent; null before training.</param>
internal sealed record GradientRow(
    string Network, int Blocks, long Seed, long Step, int Layer, double GradientNorm, double? TestAccuracy) : IMeasuredRow;
