using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests.Inspection;

public sealed class ReceptiveFieldTests
{
    // Measured once: rows of a dark image were lit, and a binary search found those that reached the middle of the last feature maps.
    private static readonly Dictionary<string, int> Measured = new()
    {
        ["inception"] = 40,
        ["residual"] = 40,
        ["residual-as-printed"] = 28,
        ["plain"] = 16,
        ["resnet18"] = 435,
        ["resnet34"] = 899,
        ["resnet50"] = 427,
        ["resnet101"] = 971,
        ["resnet152"] = 1451,
        ["plain18"] = 435,
        ["plain34"] = 899,
        ["resnet20"] = 81,
        ["resnet32"] = 137,
        ["resnet44"] = 193,
        ["resnet56"] = 249,
        ["resnet110"] = 501,
        ["plain20"] = 81,
        ["plain32"] = 137,
        ["plain44"] = 193,
        ["plain56"] = 249,
        ["googlenet"] = 379,
    };

    public static TheoryData<string> Names => [.. Architecture.All.Select(architecture => architecture.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_network_has_the_measured_receptive_field(string name)
    {
        using var network = Architecture.Find(name)!.CreateOnMeta();
        Assert.Equal(new ReceptiveField(Measured[name], Measured[name]), ReceptiveField.Compute(NetworkGraph.Trace(network)));
    }

    // Table 1 of A. Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", 2019: 483, 1027 and 1507. There the first
    // 1x1 convolution of a block has the stride, as in the paper of the residual networks, so its 3x3 convolution reads larger steps.
    [Theory]
    [InlineData(483, 3, 4, 6, 3)]
    [InlineData(1027, 3, 4, 23, 3)]
    [InlineData(1507, 3, 8, 36, 3)]
    public void Strides_in_the_first_convolution_of_bottlenecks_give_the_published_receptive_fields(int side, params int[] blocks)
    {
        using var network = new Function(x =>
        {
            x = max_pool2d(Convolve(x, 7, stride: 2), kernel_size: 3, stride: 2, padding: 1);
            foreach (var (layer, count) in blocks.Index())
                for (var block = 0; block < count; block++)
                    x = Convolve(Convolve(Convolve(x, 1, stride: layer > 0 && block == 0 ? 2 : 1), 3), 1);
            return x;
        });
        Assert.Equal(new ReceptiveField(side, side), ReceptiveField.Compute(NetworkGraph.Trace(network)));

        // Pooling has the window of a convolution, and no weights.
        static GraphValue Convolve(GraphValue x, int kernelSize, int stride = 1) =>
            avg_pool2d(x, kernelSize, stride, padding: kernelSize / 2);
    }

    // By hand: 3 rows, in steps of 2; then two taps four apart, 3 + 2 * 4; then a pool over two of them, 2 more. Columns: 5, in steps of 1;
    // then 5 + 2 * 3 with one between two taps; then a pool over two of them, 1 more.
    [Fact]
    public void Height_and_width_follow_from_kernels_strides_and_dilations()
    {
        using var first = Conv2d(1, 1, kernel_size: (3, 5), stride: (2, 1));
        using var second = Conv2d(1, 1, kernel_size: (3, 3), dilation: (2, 3));
        using var network = new Function(x => max_pool2d(second.call(first.call(x)), kernel_size: 2));
        Assert.Equal(new ReceptiveField(3 + 2 * 4 + 2, 5 + 2 * 3 + 1), ReceptiveField.Compute(NetworkGraph.Trace(network)));
    }

    [Fact]
    public void The_widest_of_parallel_branches_counts()
    {
        using var left = Conv2d(1, 1, kernel_size: 3, padding: 1);
        using var right = Conv2d(1, 1, kernel_size: 5, padding: 2);
        using var network = new Function(x => left.call(x) + right.call(x));
        Assert.Equal(new ReceptiveField(5, 5), ReceptiveField.Compute(NetworkGraph.Trace(network)));
    }

    [Fact]
    public void Global_average_pooling_and_the_classifier_do_not_count()
    {
        using var convolution = Conv2d(1, 4, kernel_size: 3);
        using var linear = Linear(4, 10);
        using var network = new Function(x => linear.call(flatten(global_avg_pool2d(convolution.call(x)))));
        Assert.Equal(new ReceptiveField(3, 3), ReceptiveField.Compute(NetworkGraph.Trace(network)));
    }

    private sealed class Function(Func<GraphValue, GraphValue> function) : TraceableModule(nameof(Function))
    {
        public override GraphValue forward(GraphValue x) => function(x);
    }
}
