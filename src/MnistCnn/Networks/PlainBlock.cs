using MnistCnn.Graphs;
using TorchSharp.Modules;
using static MnistCnn.Graphs.Functional;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>
/// A <see cref="ResidualBlock"/> without its shortcut, for comparison: the same parameters. From (N, <c>channels</c>, H, W) to the same
/// shape.
/// </summary>
/// <remarks>Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, section 3.3, the plain network.</remarks>
internal sealed class PlainBlock : TraceableModule
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;

    public PlainBlock(int channels)
        : base(nameof(PlainBlock))
    {
        conv1 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        RegisterComponents();
    }

    public override GraphValue forward(GraphValue x) => relu(conv2.call(relu(conv1.call(x))));
}
