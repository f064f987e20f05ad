using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The block of the residual networks of 50 layers and more: a 1x1 convolution narrows the maps, a 3x3 convolution works on
/// them, a 1x1 convolution widens them again, and the input is added. Takes (N, <c>inChannels</c>, H, W) and gives
/// (N, <see cref="Expansion"/> * <c>channels</c>, H/<c>stride</c>, W/<c>stride</c>), rounded up, float32.
/// </summary>
/// <remarks>
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, figure 5 right, with projections where the shape
/// changes (option B). Names as in torchvision's <c>Bottleneck</c>, and as there the stride is that of the 3x3 convolution
/// ("v1.5"); in the paper it is that of the first 1x1 convolution, which then passes over three quarters of its input.
/// </remarks>
internal sealed class BottleneckBlock : Module<Tensor, Tensor>, IDescribed
{
    /// <summary>How many times as wide the output is as the maps in the middle.</summary>
    public const int Expansion = 4;

    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;
    private readonly Conv2d conv3;
    private readonly BatchNorm2d bn3;
    private readonly Module<Tensor, Tensor>? downsample;

    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="channels">Channels of the maps in the middle.</param>
    /// <param name="stride">Step of the 3x3 convolution: 2 halves height and width.</param>
    public BottleneckBlock(int inChannels, int channels, int stride)
        : base(nameof(BottleneckBlock))
    {
        conv1 = Conv2d(inChannels, channels, kernel_size: 1, bias: false);
        bn1 = BatchNorm2d(channels);
        conv2 = Conv2d(channels, channels, kernel_size: 3, stride: stride, padding: 1, bias: false);
        bn2 = BatchNorm2d(channels);
        conv3 = Conv2d(channels, Expansion * channels, kernel_size: 1, bias: false);
        bn3 = BatchNorm2d(Expansion * channels);
        downsample = Shortcut.Of(ShortcutKind.Projection, inChannels, Expansion * channels, stride);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var y = relu(bn1.call(conv1.call(x)));
        y = relu(bn2.call(conv2.call(y)));
        y = bn3.call(conv3.call(y));
        return relu(Shortcut.Add(y, downsample?.call(x) ?? x));
    }

    /// <inheritdoc/>
    public GraphValue Describe(IGraphBuilder graph, GraphValue x)
    {
        var y = graph.Relu(graph.Call(bn1, graph.Call(conv1, x)));
        y = graph.Relu(graph.Call(bn2, graph.Call(conv2, y)));
        y = graph.Call(bn3, graph.Call(conv3, y));
        return graph.Relu(graph.Add(y, downsample is null ? x : graph.Call(downsample, x)));
    }
}
