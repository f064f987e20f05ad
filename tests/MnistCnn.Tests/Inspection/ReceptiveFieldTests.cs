using MnistCnn.Graphs;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using static MnistCnn.Graphs.Functional;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests.Inspection;

public sealed class ReceptiveFieldTests
{
    // Measured with version 0.1, which lit rows of a dark image and searched for those that reach the middle of the last feature maps.
    [Theory]
    [InlineData("inception", 40)]
    [InlineData("residual", 40)]
    [InlineData("residual-as-printed", 28)]
    [InlineData("plain", 16)]
    public void The_receptive_field_of_every_bundled_network_is_the_measured_one(string name, int side)
    {
        using var network = Architecture.Find(name)!.CreateOnMeta();
        Assert.Equal(new ReceptiveField(side, side), ReceptiveField.Compute(NetworkGraph.Trace(network)));
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
