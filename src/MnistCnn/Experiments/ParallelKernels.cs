using MnistCnn.Charts;
using MnistCnn.Inspection;
using MnistCnn.Networks;

namespace MnistCnn.Experiments;

/// <summary>Compares the Inception network with networks whose blocks have only one of its branches, at equal parameters.</summary>
internal sealed class ParallelKernels() : Experiment<TrainingRow>(
    "views",
    "Several kernels side by side see more than one kind of kernel alone, and learn faster.",
    full: new ExperimentSettings(Seeds: 5, Epochs: 3, TrainLimit: 30_000, Recipe: "sprint", LearningRate: 0.02),
    quick: new ExperimentSettings(
        Seeds: 3, Epochs: 2, TrainLimit: 6_000, TestLimit: 2_000, Recipe: "sprint", LearningRate: 0.02, Quick: true))
{
    private const int Examples = 6, MapsPerBranch = 2;

    private static readonly Architecture Inception = Architecture.Find("inception")!;

    // The branches of InceptionBlock, in the order of its output. Widened branches keep the proportion of the channels before and after
    // a larger kernel, 16 to 24.
    private static readonly (string Name, int Channels, Func<int, int, Module<Tensor, Tensor>> Create)[] Branches =
    [
        ("1x1", 16, (channels, width) => Conv2d(channels, width, kernel_size: 1)),
        ("5x5", 24, (channels, width) => Sequential(
            Conv2d(channels, InnerWidth(width), kernel_size: 1),
            Conv2d(InnerWidth(width), width, kernel_size: 5, padding: 2))),
        ("3x3 twice", 24, (channels, width) => Sequential(
            Conv2d(channels, InnerWidth(width), kernel_size: 1),
            Conv2d(InnerWidth(width), width, kernel_size: 3, padding: 1),
            Conv2d(width, width, kernel_size: 3, padding: 1))),
        ("pooling", 24, (channels, width) => Sequential(
            AvgPool2d(3, stride: 1, padding: 1),
            Conv2d(channels, width, kernel_size: 1))),
    ];

    public override IEnumerable<Trial<TrainingRow>> Trials(ExperimentSettings settings, NetworkShape shape)
    {
        var parameters = NetworkSummary.Summarize(Inception, shape).Parameters;
        var single = Branches.Select(branch => Widen(branch.Name, branch.Create, shape, parameters));
        return TrainingRow.CreateTrials(single.Prepend(Inception), settings, shape, network => network == Inception ? DrawMaps : null);
    }

    protected override IReadOnlyList<Verdict> Verdicts(IReadOnlyList<TrainingRow> rows) =>
    [
        new([.. Branches.Select(branch => TrainingRow.CompareAtEnd(rows, Inception.Title, TitleOf(branch.Name)))], "accuracy"),
        new([.. Branches.Select(branch => TrainingRow.CompareConvergence(rows, Inception.Title, TitleOf(branch.Name)))], "convergence"),
    ];

    protected override ResultTable Table(IReadOnlyList<TrainingRow> rows) => TrainingRow.CreateTable(rows);

    protected override IReadOnlyList<IReadOnlyList<Chart>> Charts(IReadOnlyList<TrainingRow> rows)
    {
        var accuracies = TrainingRow.AccuracyCurves(rows, row => row.Epoch);
        var least = rows.Min(row => row.MultiplyAdds);
        var cheapest = rows.Where(row => row.MultiplyAdds == least).Select(row => row.Network).Distinct();
        return
        [
            [
                new Chart(
                    $"At equal parameters, {Verdicts(rows)[0].DecidingEffect.Finding}",
                    "Epoch", Chart.AccuracyLabel, accuracies, rows.LastEpoch()),
                new Chart(
                    $"The fewest multiply-adds: {string.Join(" and ", cheapest)}",
                    "Multiply-adds of the training so far (10⁹)", Chart.AccuracyLabel,
                    TrainingRow.AccuracyCurves(rows, row => row.TrainingMultiplyAdds / 1e9)),
            ],
        ];
    }

    private static string TitleOf(string branch) => $"only {branch}";

    private static int InnerWidth(int width) => (2 * width + 2) / 3;

    private static Architecture Widen(string name, Func<int, int, Module<Tensor, Tensor>> createBranch, NetworkShape shape, long goal) =>
        FindNearest(goal, shape, width => new Architecture(
            name,
            TitleOf(name),
            $"Inception's network with one branch of {width} channels",
            images => new Net(
                images,
                new ConvStage(10, "branchA", channels => createBranch(channels, width), width),
                new ConvStage(20, "branchB", channels => createBranch(channels, width), width))));

    // Draws feature maps of the first block for a few images: of each branch, those with the highest variance.
    private static void DrawMaps(TrialContext context, Module<Tensor, Tensor> network)
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

        var greyImages = images.to_type(ScalarType.Float32).mean([1]).round().to_type(ScalarType.Byte);
        var columns = new List<(string Heading, Tensor Images)> { ("image", greyImages.DetachFromDisposeScope()) };
        var start = 0;
        foreach (var branch in Branches)
        {
            var branchMaps = maps!.narrow(1, start, branch.Channels);
            start += branch.Channels;
            var (_, chosen) = branchMaps.var([0, 2, 3]).topk(MapsPerBranch);
            columns.AddRange(chosen.data<long>().ToArray()
                .Select(channel => (branch.Name, ScaleToBytes(branchMaps.select(1, channel)).DetachFromDisposeScope())));
        }

        using var grid = new ImageGrid("maps", "Feature maps of the first Inception block, by branch", columns);
        context.DrawImages(grid);
    }

    // The lowest value of all images becomes black, the highest white.
    private static Tensor ScaleToBytes(Tensor maps)
    {
        var (low, high) = (maps.min(), maps.max());
        using Scalar white = byte.MaxValue; // named, so that it is not finalized during the call (TorchSharp 0.107)
        return maps.sub(low).div(high.sub(low)).mul(white).round().to_type(ScalarType.Byte);
    }
}
