using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Training;
using static System.FormattableString;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Experiments;

/// <summary>The gradient in every layer of plain and of residual stacks, before and after some training.</summary>
internal static class Gradients
{
    private const int Channels = 16;

    private static readonly (string Name, Func<int, Module<Tensor, Tensor>> Block)[] Kinds =
        [("plain", channels => new PlainBlock(channels)), ("residual", channels => new ResidualBlock(channels))];

    // What "vanishes" means here: less than a thousandth is left.
    private const double Vanished = 1_000;

    private const string Claim = "In a deep network the gradient vanishes, and shortcuts keep it alive.";

    /// <summary>The experiment.</summary>
    public static Experiment Experiment { get; } = new(
        "gradients",
        Claim,
        new ExperimentSettings(Seeds: 3, Epochs: 1, TrainLimit: 19_200),
        new ExperimentSettings(Seeds: 1, Epochs: 1, TrainLimit: 6_400, TestLimit: 2_000, Quick: true),
        Trials,
        Experiment.From<GradientRow>(Effects, Table, Charts));

    private static IEnumerable<Trial> Trials(ExperimentSettings settings, NetworkShape shape)
    {
        // The stacks take what the network without blocks takes.
        _ = NetworkSummary.Of(Architecture.Find("plain")!, shape);
        return
            from seed in Enumerable.Range(1, settings.Seeds)
            from blocks in settings.Quick ? new[] { 2, 8, 32 } : [2, 4, 8, 16, 32, 64]
            from kind in Kinds
            let name = Invariant($"{blocks} {kind.Name} blocks")
            let architecture = new Architecture(name, name, Claim, images => new Net(
                images,
                new Stage(Channels, "blocks", channels => Sequential(Enumerable.Range(0, blocks).Select(_ => kind.Block(channels))), Channels),
                new Stage(2 * Channels, "none", _ => Identity(), 2 * Channels)))
            select new Trial(Invariant($"{name}, seed {seed}"), blocks + 2, laboratory =>
            {
                IEnumerable<GradientRow> before, after;
                using (var fresh = laboratory.Fresh(architecture, seed))
                    before = Rows(fresh, 0, null);
                using (var run = laboratory.Train(architecture, seed))
                    after = Rows(run.Trainer, run.Trainer.StepsPerEpoch * settings.Epochs, run.Folder.Epochs[^1].TestAccuracy);
                return before.Concat(after);

                GradientRow[] Rows(Trainer trainer, long step, double? testAccuracy) =>
                [
                    .. GradientNorms.Of(trainer.Model, laboratory)
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
            Effect.Factor(Invariant($"Gradient of the last convolution over that of the first in {blocks} plain blocks"), Of("plain", convolutions), Of("plain", 1), Vanished),
            Effect.Factor(Invariant($"Gradient of the first convolution in {blocks} residual blocks over that in {blocks} plain ones"), Of("residual", 1), Of("plain", 1), Vanished),
        ];

        // What float32 has no number for is at most the smallest that it has.
        IEnumerable<(long, double)> Of(string network, int layer) =>
            from row in start
            where row.Network == network && row.Layer == layer
            select (row.Seed, Math.Max(row.GradientNorm, float.Epsilon));
    }

    private static IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<GradientRow> rows)
    {
        var steps = rows.Select(row => row.Step).Distinct().Order().ToArray();
        return
        [
            [.. Kinds.Select(kind => OverLayers(rows, kind.Name, 0)), FirstLayer(rows, steps)],
            [.. Kinds.Select(kind => OverLayers(rows, kind.Name, steps[^1])), Accuracy(rows, steps[^1])],
        ];
    }

    private static Chart OverLayers(IReadOnlyList<GradientRow> rows, string network, long step) => OfNorms(
        rows,
        Invariant($"{network} blocks, {When(step)}"),
        "Convolution, counted from the input",
        from row in rows
        where row.Network == network && row.Step == step
        group row by row.Blocks into stack
        select Curve.Mean(Invariant($"{stack.Key} blocks"), stack.Select(row => ((double)row.Layer, row.GradientNorm))));

    private static Chart FirstLayer(IReadOnlyList<GradientRow> rows, long[] steps) => OfNorms(
        rows,
        "First convolution",
        "Blocks",
        from kind in Kinds
        from step in steps
        select Curve.Mean(Invariant($"{kind.Name}, {When(step)}"), FirstLayers(rows, kind.Name, step).Select(row => ((double)row.Blocks, row.GradientNorm))));

    private static Chart OfNorms(IReadOnlyList<GradientRow> rows, string title, string xLabel, IEnumerable<Curve> curves)
    {
        var norms = rows.Select(row => row.GradientNorm).Where(norm => norm > 0).DefaultIfEmpty(1).ToArray();
        return new Chart(title, xLabel, "Norm of the gradient", [.. curves])
        {
            LogX = true,
            LogY = true,
            YLimits = (norms.Min() / 10, norms.Max() * 10),
        };
    }

    private static Chart Accuracy(IReadOnlyList<GradientRow> rows, long step) => new(
        Invariant($"Accuracy {When(step)}"),
        "Blocks",
        Chart.AccuracyLabel,
        [
            .. from kind in Kinds
               let measured = FirstLayers(rows, kind.Name, step).Where(row => row.TestAccuracy is not null)
               select Curve.Mean(kind.Name, measured.Select(row => ((double)row.Blocks, row.TestAccuracy!.Value))),
        ])
    {
        LogX = true,
    };

    private static string When(long step) => step == 0 ? "at the start" : Invariant($"after {step} steps");

    private static ResultTable Table(IReadOnlyList<GradientRow> rows)
    {
        var last = rows.Select(row => row.Step).DefaultIfEmpty().Max();
        return new ResultTable(
            ["Stack", "First gradient", Invariant($"After {last} steps"), "Accuracy (%)"],
            [
                .. from stack in rows.GroupBy(row => (row.Blocks, row.Network))
                   let end = FirstLayers(stack, stack.Key.Network, last).ToArray()
                   orderby stack.Key
                   select new[]
                   {
                       Invariant($"{stack.Key.Blocks} {stack.Key.Network} blocks"),
                       Norm(FirstLayers(stack, stack.Key.Network, 0)),
                       Norm(end),
                       ResultTable.Percent(end.Select(row => row.TestAccuracy).OfType<double>()),
                   },
            ]);

        static string Norm(IEnumerable<GradientRow> layers) => layers.Any() ? Invariant($"{layers.Average(row => row.GradientNorm):0.0e+0}") : "";
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
