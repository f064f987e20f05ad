using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The block of the residual networks of 18 and 34 layers, and of all those for CIFAR-10: two 3x3 convolutions, each with batch normalisation, learn what to
/// add to their own input. Takes (N, <c>inChannels</c>, H, W) and gives (N, <c>channels</c>, H/<c>stride</c>,
/// W/<c>stride</c>), rounded up, float32.
/// </summary>
/// <remarks>
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, figure 5 left and section 3.3. Names as in
/// torchvision's <c>BasicBlock</c>.
/// </remarks>
internal sealed class BasicBlock : Module<Tensor, Tensor>, IDescribed
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;
    private readonly Module<Tensor, Tensor>? downsample;
    private readonly bool hasShortcut;

    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="stride">Step of the first convolution: 2 halves height and width.</param>
    /// <param name="shortcut">How the input is added, if it is.</param>
    public BasicBlock(int inChannels, int channels, int stride, ShortcutKind shortcut)
        : base(nameof(BasicBlock))
    {
        hasShortcut = shortcut != ShortcutKind.None;
        conv1 = Conv2d(inChannels, channels, kernel_size: 3, stride: stride, padding: 1, bias: false);
        bn1 = BatchNorm2d(channels);
        conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1, bias: false);
        bn2 = BatchNorm2d(channels);
        downsample = Shortcut.Of(shortcut, inChannels, channels, stride);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var y = relu(bn1.call(conv1.call(x)));
        y = bn2.call(conv2.call(y));
        return relu(hasShortcut ? Shortcut.Add(y, downsample?.call(x) ?? x) : y);
    }

    /// <inheritdoc/>
    public GraphValue Describe(IGraphBuilder graph, GraphValue x)
    {
        var y = graph.Relu(graph.Call(bn1, graph.Call(conv1, x)));
        y = graph.Call(bn2, graph.Call(conv2, y));
        return graph.Relu(hasShortcut ? graph.Add(y, downsample is null ? x : graph.Call(downsample, x)) : y);
    }
}
