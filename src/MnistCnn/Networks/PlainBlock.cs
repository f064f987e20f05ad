using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// A <see cref="ResidualBlock"/> without its shortcut: as many weights, and nothing to add. What residual blocks are compared with.
/// Takes (N, <c>channels</c>, H, W) and gives the same shape, float32.
/// </summary>
/// <remarks>Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, section 3.3, the plain network.</remarks>
internal sealed class PlainBlock : Module<Tensor, Tensor>, IDescribed
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;

    /// <param name="channels">Channels of the input, and of the output.</param>
    public PlainBlock(int channels)
        : base(nameof(PlainBlock))
    {
        conv1 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => relu(conv2.call(relu(conv1.call(x))));

    /// <inheritdoc/>
    public GraphValue Describe(IGraphBuilder graph, GraphValue x) => graph.Relu(graph.Call(conv2, graph.Relu(graph.Call(conv1, x))));
}
