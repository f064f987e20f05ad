using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// What <see cref="GoogLeNet"/> is made of: a convolution without bias, batch normalisation and relu. Takes (N, <c>inChannels</c>, H, W)
/// and gives (N, <c>channels</c>, H', W'), float32.
/// </summary>
/// <remarks>Names and numbers as in torchvision's <c>BasicConv2d</c>.</remarks>
internal sealed class ConvBnRelu : Module<Tensor, Tensor>, IDescribed
{
    private readonly Conv2d conv;
    private readonly BatchNorm2d bn;

    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="kernelSize">The side of the window.</param>
    /// <param name="stride">From one window to the next.</param>
    /// <param name="padding">How far windows reach over each edge.</param>
    public ConvBnRelu(int inChannels, int channels, int kernelSize, int stride = 1, int padding = 0)
        : base(nameof(ConvBnRelu))
    {
        conv = Conv2d(inChannels, channels, kernelSize, stride, padding, bias: false);
        bn = BatchNorm2d(channels, eps: 0.001);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => relu(bn.call(conv.call(x)));

    /// <inheritdoc/>
    public GraphValue Describe(IGraphBuilder graph, GraphValue x) => graph.Relu(graph.Call(bn, graph.Call(conv, x)));
}
