using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Reporting;
using MnistCnn.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Experiments;

/// <summary>The Inception network against networks whose blocks have only one of its branches, as many parameters.</summary>
public sealed class Views : Experiment<TrainingRow>
{
    private const int Digits = 6;
    private const int MapsOfBranch = 2;

    private static readonly Architecture Inception = Architecture.Find("inception")!;

    // A branch as in InceptionBlock, but with as many channels as it takes to have all the parameters; the channels of the 1x1
    // convolution in front of a larger kernel keep their proportion, 16 to 24. In the order of the block's output.
    private static readonly (string Name, int Channels, Func<int, int, Module<Tensor, Tensor>> Make)[] Branches =
    [
        ("1x1", 16, (channels, width) => Conv2d(channels, width, kernel_size: 1)),
        ("5x5", 24, (channels, width) => Sequential(
            Conv2d(channels, Inner(width), kernel_size: 1),
            Conv2d(Inner(width), width, kernel_size: 5, padding: 2))),
        ("3x3 twice", 24, (channels, width) => Sequential(
            Conv2d(channels, Inner(width), kernel_size: 1),
            Conv2d(Inner(width), width, kernel_size: 3, padding: 1),
            Conv2d(width, width, kernel_size: 3, padding: 1))),
        ("pooling", 24, (channels, width) => Sequential(
            AvgPool2d(3, stride: 1, padding: 1),
            Conv2d(channels, width, kernel_size: 1))),
    ];

    /// <inheritdoc/>
    public override string Name => "views";

    /// <inheritdoc/>
    public override string Claim => "Several kernels side by side see more than one kind of kernel alone.";

    /// <inheritdoc/>
    public override ExperimentSettings Full => new(Seeds: 3, Epochs: 3, TrainLimit: 30_000, Recipe: "fast", LearningRate: 0.02);

    /// <inheritdoc/>
    public override ExperimentSettings Quick => new(Seeds: 1, Epochs: 2, TrainLimit: 10_000, TestLimit: 2_000, Recipe: "fast", LearningRate: 0.02, Quick: true);

    /// <inheritdoc/>
    protected override IEnumerable<Part<TrainingRow>> Plan(ExperimentSettings settings)
    {
        Architecture[] networks = [Inception, .. Branches.Select(branch => Widened(branch.Name, branch.Make))];
        return
            from seed in Enumerable.Range(1, settings.Seeds)
            from network in networks
            select TrainingRow.Part(network, seed, network == Inception && seed == 1 ? DrawMaps : null);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<TrainingRow> rows) =>
    [
        [
            new Chart("Equal parameters, over the epochs", "Epoch", AccuracyPlot.Label, TrainingRow.Accuracies(rows, row => row.Epoch))
            {
                Epochs = rows.Max(row => row.Epoch),
                Legend = null,
            },
            new Chart(
                "The same, over the computation",
                "Multiply-adds of the training (10⁹)",
                AccuracyPlot.Label,
                TrainingRow.Accuracies(rows, row => row.TrainingMultiplyAdds / 1e9))
            {
                Legend = null,
            },
        ],
    ];

    /// <inheritdoc/>
    protected override ResultTable Table(IReadOnlyList<TrainingRow> rows) => TrainingRow.Table(rows);

    private static int Inner(int width) => (2 * width + 2) / 3;

    // The width with which its parameters come nearest to Inception's.
    private static Architecture Widened(string name, Func<int, int, Module<Tensor, Tensor>> branch)
    {
        var goal = Parameters(Inception);
        return Enumerable.Range(1, 256).Select(Of).MinBy(architecture => Math.Abs(Parameters(architecture) - goal))!;

        Architecture Of(int width) => new(
            name,
            $"only {name}",
            $"Inception's network with one branch of {width} channels",
            shape => new Net(
                shape,
                new Stage(10, "branchA", channels => branch(channels, width), width),
                new Stage(20, "branchB", channels => branch(channels, width), width)));

        static long Parameters(Architecture architecture)
        {
            using var skeleton = architecture.CreateSkeleton();
            return skeleton.parameters().Sum(parameter => parameter.numel());
        }
    }

    // The maps of the first block, 12x12 pixels, for a few digits: of each branch those that differ most.
    private static void DrawMaps(Laboratory laboratory, Trainer trainer)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var test = laboratory.Data.Test;
        var labels = test.Labels.data<long>().ToArray();
        var digits = tensor(Enumerable.Range(0, MnistData.Classes).Select(digit => (long)Array.IndexOf(labels, digit)).Where(index => index >= 0).Take(Digits).ToArray());
        var images = test.Images.index_select(0, digits);

        Tensor? maps = null;
        var block = trainer.Model.named_children().Single(child => child.name == "inceptionA").module;
        ((InceptionBlock)block).register_forward_hook((_, _, output) =>
        {
            maps = output.cpu();
            return output;
        });
        trainer.Model.eval();
        trainer.Model.call(ImageSet.Normalize(images).to(laboratory.Device));

        var columns = new List<(string Heading, Tensor Images)> { ("digit", images) };
        var start = 0;
        foreach (var branch in Branches)
        {
            var ofBranch = maps!.narrow(1, start, branch.Channels);
            start += branch.Channels;
            var (_, chosen) = ofBranch.var([0, 2, 3]).topk(MapsOfBranch);
            columns.AddRange(chosen.data<long>().ToArray().Select(channel => (branch.Name, Grey(ofBranch.select(1, channel)))));
        }

        ImageGrid.Draw(laboratory.PathOf("maps.png"), "What the branches of Inception's first block give", columns);
    }

    // The lowest value black, the highest white, over all digits.
    private static Tensor Grey(Tensor maps)
    {
        var (low, high) = (maps.min(), maps.max());
        return ((maps - low) / (high - low) * 255).round().to_type(ScalarType.Byte);
    }
}
