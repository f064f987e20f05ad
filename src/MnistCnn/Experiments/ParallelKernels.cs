using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Experiments;

/// <summary>The Inception network against networks whose blocks have only one of its branches, as many parameters.</summary>
internal static class ParallelKernels
{
    private const int Examples = 6;
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

    /// <summary>The experiment.</summary>
    public static Experiment Experiment { get; } = new(
        "views",
        "Several kernels side by side see more than one kind of kernel alone.",
        new ExperimentSettings(Seeds: 6, Epochs: 3, TrainLimit: 30_000, Recipe: "sprint", LearningRate: 0.02),
        new ExperimentSettings(Seeds: 3, Epochs: 2, TrainLimit: 6_000, TestLimit: 2_000, Recipe: "sprint", LearningRate: 0.02, Quick: true),
        Trials,
        Experiment.From<TrainingRow>(Effects, TrainingRow.Table, Charts));

    private static IEnumerable<Trial> Trials(ExperimentSettings settings, NetworkShape shape)
    {
        var parameters = NetworkSummary.Summarize(Inception, shape).Parameters;
        Architecture[] networks = [Inception, .. Branches.Select(branch => Widened(branch.Name, branch.Make, shape, parameters))];
        return
            from seed in Enumerable.Range(1, settings.Seeds)
            from network in networks
            select TrainingRow.Trial(network, shape, seed, network == Inception && seed == 1 ? ShowMaps : null);
    }

    private static IReadOnlyList<Effect> Effects(IReadOnlyList<TrainingRow> rows) =>
        [.. Branches.Select(branch => TrainingRow.AtTheEnd(rows, Inception.Title, TitleOf(branch.Name)))];

    private static IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<TrainingRow> rows)
    {
        var accuracies = TrainingRow.Accuracies(rows, row => row.Epoch);
        var highest = accuracies.MaxBy(curve => curve.Y[^1])!;
        return
        [
            [
                new Chart($"At equal parameters, {highest.Name} ends highest: {highest.Y[^1]:F2} %", "Epoch", Chart.AccuracyLabel, accuracies)
                {
                    IntegerAxisMax = rows.Max(row => row.Epoch),
                },
                new Chart(
                    $"The fewest multiply-adds: {Cheapest(rows)}",
                    "Multiply-adds of the training so far (10⁹)",
                    Chart.AccuracyLabel,
                    TrainingRow.Accuracies(rows, row => row.TrainingMultiplyAdds / 1e9)),
            ],
        ];
    }

    private static string Cheapest(IReadOnlyList<TrainingRow> rows)
    {
        var least = rows.Min(row => row.MultiplyAdds);
        return string.Join(" and ", rows.Where(row => row.MultiplyAdds == least).Select(row => row.Network).Distinct());
    }

    private static string TitleOf(string branch) => $"only {branch}";

    private static int Inner(int width) => (2 * width + 2) / 3;

    // The width with which its parameters come nearest to Inception's.
    private static Architecture Widened(string name, Func<int, int, Module<Tensor, Tensor>> branch, NetworkShape shape, long goal)
    {
        return Enumerable.Range(1, 256).Select(Of).MinBy(architecture => Math.Abs(Parameters(architecture) - goal))!;

        Architecture Of(int width) => new(
            name,
            TitleOf(name),
            $"Inception's network with one branch of {width} channels",
            images => new Net(
                images,
                new ConvStage(10, "branchA", channels => branch(channels, width), width),
                new ConvStage(20, "branchB", channels => branch(channels, width), width)));

        long Parameters(Architecture architecture)
        {
            using var skeleton = architecture.CreateOnMeta(shape);
            return skeleton.parameters().Sum(parameter => parameter.numel());
        }
    }

    // The maps of the first block, of 28x28 pixels 12x12, for a few images: of each branch those that differ most.
    private static void ShowMaps(TrialContext context, Module<Tensor, Tensor> network)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var test = context.Data.Test;
        var labels = test.Labels.data<long>().ToArray();
        var examples = Enumerable.Range(0, context.Data.ClassNames.Count)
            .Select(label => (long)Array.IndexOf(labels, label)).Where(index => index >= 0).Take(Examples);
        var images = test.Images.index_select(0, tensor(examples.ToArray()));

        Tensor? maps = null;
        var block = network.named_children().Single(child => child.name == "inceptionA").module;
        ((InceptionBlock)block).register_forward_hook((_, _, output) =>
        {
            maps = output.cpu();
            return output;
        });
        network.eval();
        network.call(context.Data.Normalization.Apply(images).to(context.Device));

        var columns = new List<(string Heading, Tensor Images)> { ("image", images.to_type(ScalarType.Float32).mean([1]).round().to_type(ScalarType.Byte)) };
        var start = 0;
        foreach (var branch in Branches)
        {
            var ofBranch = maps!.narrow(1, start, branch.Channels);
            start += branch.Channels;
            var (_, chosen) = ofBranch.var([0, 2, 3]).topk(MapsOfBranch);
            columns.AddRange(chosen.data<long>().ToArray().Select(channel => (branch.Name, Grey(ofBranch.select(1, channel)))));
        }

        context.AddImage(new ImageGrid(
            "maps", "What the branches of Inception's first block give", [.. columns.Select(column => (column.Heading, column.Images.DetachFromDisposeScope()))]));
    }

    // The lowest value black, the highest white, over all images.
    private static Tensor Grey(Tensor maps)
    {
        var (low, high) = (maps.min(), maps.max());
        using Scalar white = byte.MaxValue; // by name, lest it be finalised during the call
        return maps.sub(low).div(high.sub(low)).mul(white).round().to_type(ScalarType.Byte);
    }
}
