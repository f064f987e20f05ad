using MnistCnn.Data;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Reporting;
using TorchSharp.Modules;
using static System.FormattableString;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Experiments;

/// <summary>The gradient in every layer of plain and of residual stacks, before and after some training.</summary>
public sealed class Gradients : Experiment<GradientRow>
{
    private const int Channels = 16;
    private const int ImagesOfGradient = 256;

    private static readonly (string Name, Func<int, Module<Tensor, Tensor>> Block)[] Kinds =
        [("plain", channels => new PlainBlock(channels)), ("residual", channels => new ResidualBlock(channels))];

    /// <inheritdoc/>
    public override string Name => "gradients";

    /// <inheritdoc/>
    public override string Claim => "In a deep network the gradient vanishes, and shortcuts keep it alive.";

    /// <inheritdoc/>
    public override ExperimentSettings Full => new(Seeds: 3, Epochs: 1, TrainLimit: 19_200);

    /// <inheritdoc/>
    public override ExperimentSettings Quick => new(Seeds: 1, Epochs: 1, TrainLimit: 6_400, TestLimit: 2_000, Quick: true);

    /// <inheritdoc/>
    protected override IEnumerable<Part<GradientRow>> Plan(ExperimentSettings settings) =>
        from seed in Enumerable.Range(1, settings.Seeds)
        from blocks in settings.Quick ? new[] { 2, 8, 32 } : [2, 4, 8, 16, 32, 64]
        from kind in Kinds
        let name = Invariant($"{blocks} {kind.Name} blocks")
        let architecture = new Architecture(name, name, Claim, shape => new Net(
            shape,
            new Stage(Channels, "blocks", channels => Sequential(Enumerable.Range(0, blocks).Select(_ => kind.Block(channels))), Channels),
            new Stage(2 * Channels, "none", _ => Identity(), 2 * Channels)))
        select new Part<GradientRow>(Invariant($"{name}, seed {seed}"), blocks + 2, (laboratory, add) =>
        {
            using var trainer = laboratory.Trainer(architecture, seed);
            AddNorms(0, null);
            var accuracy = 0.0;
            laboratory.Train(trainer, epoch => accuracy = epoch.TestAccuracy);
            AddNorms(trainer.StepsPerEpoch * settings.Epochs, accuracy);

            void AddNorms(long step, double? testAccuracy)
            {
                foreach (var (index, norm) in Norms(trainer.Model, laboratory).Index())
                    add(new GradientRow(kind.Name, blocks, seed, step, index + 1, norm, testAccuracy));
            }
        });

    /// <inheritdoc/>
    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<GradientRow> rows)
    {
        var steps = rows.Select(row => row.Step).Distinct().Order().ToArray();
        var norms = rows.Select(row => row.GradientNorm).Where(norm => norm > 0).DefaultIfEmpty(1).ToArray();
        var limits = (norms.Min() / 10, norms.Max() * 10);
        var last = steps[^1];
        return
        [
            [.. Kinds.Select(kind => OverLayers(kind.Name, 0)), FirstLayer()],
            [.. Kinds.Select(kind => OverLayers(kind.Name, last)), Accuracy()],
        ];

        Chart OverLayers(string network, long step) => new(
            Invariant($"{network} blocks, {When(step)}"),
            "Convolution, counted from the input",
            "Norm of the gradient",
            [
                .. rows.Where(row => row.Network == network && row.Step == step).GroupBy(row => row.Blocks)
                    .Select(stack => Curve.Mean(Invariant($"{stack.Key} blocks"), stack.Select(row => ((double)row.Layer, row.GradientNorm)))),
            ])
        {
            LogX = true,
            LogY = true,
            YLimits = limits,
            Legend = null,
        };

        Chart FirstLayer() => new(
            "First convolution",
            "Blocks",
            "Norm of the gradient",
            [
                .. from kind in Kinds
                   from step in steps
                   select Curve.Mean(Invariant($"{kind.Name}, {When(step)}"), FirstLayers(rows, kind.Name, step).Select(row => ((double)row.Blocks, row.GradientNorm))),
            ])
        {
            LogX = true,
            LogY = true,
            YLimits = limits,
            Legend = null,
        };

        Chart Accuracy() => new(
            Invariant($"Accuracy {When(last)}"),
            "Blocks",
            AccuracyPlot.Label,
            [
                .. Kinds.Select(kind => Curve.Mean(
                    kind.Name,
                    FirstLayers(rows, kind.Name, last).Where(row => row.TestAccuracy is not null).Select(row => ((double)row.Blocks, row.TestAccuracy!.Value)))),
            ])
        {
            LogX = true,
            Legend = null,
        };

        string When(long step) => step == 0 ? "at the start" : Invariant($"after {step} steps");
    }

    /// <inheritdoc/>
    protected override ResultTable Table(IReadOnlyList<GradientRow> rows)
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

    // Of the first images, whatever the seed, so that before and after can be compared.
    private static double[] Norms(Module<Tensor, Tensor> model, Laboratory laboratory)
    {
        using var scope = NewDisposeScope();
        var train = laboratory.Data.Train;
        var count = Math.Min(ImagesOfGradient, train.Count);
        var images = ImageSet.Normalize(train.Images.narrow(0, 0, count)).to(laboratory.Device);
        cross_entropy(model.call(images), train.Labels.narrow(0, 0, count).to(laboratory.Device)).backward();

        // In float64, since the squares of small numbers are too small for float32.
        double[] norms =
        [
            .. from layer in NetworkSummary.LayersOf(model)
               where layer.Name.StartsWith("blocks.", StringComparison.Ordinal)
               select ((Conv2d)layer.Layer).weight!.grad!.to_type(ScalarType.Float64).norm().item<double>(),
        ];
        model.zero_grad();
        return norms;
    }
}
