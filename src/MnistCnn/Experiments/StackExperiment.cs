using MathNet.Numerics.Statistics;
using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Training;
using Conv2d = TorchSharp.Modules.Conv2d;

namespace MnistCnn.Experiments;

/// <summary>
/// An experiment on the gradients in a stack of equal blocks: two convolutions each, with 16 channels, on feature maps of 12x12 for MNIST.
/// Before and after the stack are the article's two convolutions and its linear layer.
/// </summary>
internal abstract class StackExperiment(string name, string claim, ExperimentSettings full, ExperimentSettings quick)
    : Experiment<StackRow>(name, claim, full, quick)
{
    protected const string Plain = "plain", Residual = "residual";
    protected const string NormalizedPlain = "normalized plain", NormalizedResidual = "normalized residual";
    protected const string PyTorch = "PyTorch", He = "He";

    // "Vanishes" is read as: less than a thousandth is left.
    protected const double Vanished = 1_000;

    private const int Channels = 16;
    private const string Stack = "blocks";

    // Two blocks with one name except "normalized" differ in batch normalization only; a plain and a residual one in the shortcut.
    private static readonly Dictionary<string, Func<int, Module<Tensor, Tensor>>> CreateBlock = new()
    {
        [Plain] = channels => new ResidualBlock(channels, hasShortcut: false),
        [Residual] = channels => new ResidualBlock(channels),
        [NormalizedPlain] = channels => new BasicBlock(channels, channels, stride: 1, ShortcutKind.None),
        [NormalizedResidual] = channels => new BasicBlock(channels, channels, stride: 1, ShortcutKind.ZeroPadding),
    };

    public override IEnumerable<Trial<StackRow>> Trials(ExperimentSettings settings, NetworkShape shape)
    {
        // Fails for images that are too small: the stacks accept the same images as the network without blocks.
        _ = NetworkSummary.Summarize(Architecture.Find("plain")!, shape);
        return
            from seed in Enumerable.Range(1, settings.Seeds)
            from stack in Stacks(settings.Quick)
            select CreateTrial(stack.Network, stack.Blocks, stack.Weights, seed);
    }

    /// <summary>Enlarges PyTorch's weights, of variance 1 / (3 * inputs), to the ones of He et al. for relu, with 2 / inputs.</summary>
    public static void ScaleToHe(Module network)
    {
        using var noGradient = no_grad();
        using Scalar factor = Math.Sqrt(6); // named, so that it is not finalized during the call (TorchSharp 0.107)
        foreach (var convolution in network.modules().OfType<Conv2d>())
            convolution.weight.mul_(factor);
    }

    /// <summary>Lists the stacks to measure with each seed.</summary>
    /// <param name="isQuick">Whether to list fewer.</param>
    protected abstract IEnumerable<(string Network, int Blocks, string Weights)> Stacks(bool isQuick);

    protected static int DeepestOf(IReadOnlyList<StackRow> rows) => rows.Select(row => row.Blocks).DefaultIfEmpty().Max();

    /// <summary>Selects the gradient norms of a convolution of the deepest stack of a kind before training, one per seed.</summary>
    protected static IEnumerable<(long Seed, double Norm)> Norms(
        IReadOnlyList<StackRow> rows, string network, int layer = 1, string weights = PyTorch)
    {
        var deepest = DeepestOf(rows);
        return
            from row in rows
            where (row.Step, row.Blocks, row.Layer, row.Network, row.Weights) == (0, deepest, layer, network, weights)
            select (row.Seed, Math.Max(row.GradientNorm, float.Epsilon)); // 0 counts as the smallest positive float32
    }

    protected static string MeanNorm(IEnumerable<StackRow> stack, long step, int layer) =>
        stack.Where(row => row.Step == step && row.Layer == layer).Select(row => row.GradientNorm).ToArray() is { Length: > 0 } norms
            ? $"{norms.GeometricMean():0.0e+0}"
            : "";

    /// <summary>Averages gradient norms over the seeds, from the output of the deepest stack to its input.</summary>
    protected static Curve CreateGradientCurve(string name, IEnumerable<StackRow> stack) =>
        Curve.GeometricMeanWithRange(name, stack.Select(row => (2.0 * row.Blocks - row.Layer, row.GradientNorm)));

    private static Trial<StackRow> CreateTrial(string network, int blocks, string weights, long seed)
    {
        var name = $"{blocks} {network} blocks{(weights == PyTorch ? "" : $" with {weights}'s weights")}";
        var architecture = new Architecture(name, name, name, images => new Net(
            images,
            new ConvStage(Channels, Stack, CreateStack, Channels),
            new ConvStage(2 * Channels, "none", _ => Identity(), 2 * Channels)));
        return new Trial<StackRow>($"{name}, seed {seed}", blocks + 2, context =>
        {
            StackRow[] before;
            using (var untrained = context.CreateTrainer(architecture, seed))
                before = Measure(context, untrained, 0, null, null);
            try
            {
                using var run = context.Train(architecture, seed);
                var splits = run.Trainer.Splits;
                var error = 100 - Evaluator.Evaluate(run.Trainer.Model, splits.Train, splits.Normalization).Accuracy;
                var step = run.Trainer.StepsPerEpoch * run.Folder.Epochs.Count;
                return [.. before, .. Measure(context, run.Trainer, step, run.Folder.Epochs[^1].TestAccuracy, error)];
            }
            catch (DivergenceException)
            {
                return before; // gradients before training are a result
            }
        });

        Module<Tensor, Tensor> CreateStack(int channels)
        {
            var stack = Sequential(Enumerable.Range(0, blocks).Select(_ => CreateBlock[network](channels)));
            if (weights == He)
                ScaleToHe(stack);
            return stack;
        }

        StackRow[] Measure(TrialContext context, Trainer trainer, long step, double? testAccuracy, double? trainError) =>
        [
            .. context.ComputeGradientNorms(trainer.Model)
                .Where(layer => Layers.IsInside(Stack, layer.Layer) && layer.Layer.Contains(".conv", StringComparison.Ordinal))
                .Select((layer, index) => new StackRow(
                    network, blocks, seed, step, index + 1, layer.Norm!.Value, testAccuracy, weights, trainError)),
        ];
    }
}

/// <summary>The gradient in one convolution of a stack of blocks.</summary>
/// <param name="Network">Type of the blocks.</param>
/// <param name="Blocks">Number of blocks, with two convolutions each.</param>
/// <param name="Step">Number of training steps before the measurement.</param>
/// <param name="Layer">Number of the convolution in the stack, from 1, counted from the input.</param>
/// <param name="GradientNorm">Euclidean norm of the loss gradient in the convolution's weights.</param>
/// <param name="TestAccuracy">Accuracy of the network after these steps in percent; null before training.</param>
/// <param name="Weights">Author of the distribution of the initial weights.</param>
/// <param name="TrainError">Percentage of the training images that are misclassified after these steps; null before training.</param>
internal sealed record StackRow(
    string Network, int Blocks, long Seed, long Step, int Layer, double GradientNorm, double? TestAccuracy,
    string Weights = "PyTorch", double? TrainError = null) : IMeasuredRow;
