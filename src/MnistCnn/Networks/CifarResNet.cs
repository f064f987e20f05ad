using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The small residual networks that the paper trains on CIFAR-10, and the plain networks that they are compared with: a 3x3
/// convolution, three layers of as many blocks each, of 16, 32 and 64 channels, of which the second and the third halve height and
/// width, then the mean of each map and a linear layer. Takes (N, <c>Channels</c>, <c>Height</c>, <c>Width</c>), of any size, and
/// gives (N, <c>Classes</c>), float32. With n blocks a layer, 6n + 2 layers have weights.
/// </summary>
/// <remarks>
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, section 4.2. Its shortcuts have no
/// weights (option A), so that a plain network has the weights of its residual twin, and with the same seed the same ones. The names
/// in <see cref="Module.state_dict"/>, and what they are drawn from, are those of <see cref="ResNet"/>. On MNIST's 28x28 pixels the
/// maps of the three layers are 28x28, 14x14 and 7x7.
/// </remarks>
internal sealed class CifarResNet : BlockNetwork
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Sequential layer1;
    private readonly Sequential layer2;
    private readonly Sequential layer3;
    private readonly Linear fc;

    /// <param name="shape">The images, and how many classes there are.</param>
    /// <param name="blocks">How many blocks each of the three layers has, the paper's n.</param>
    /// <param name="hasShortcuts">Whether it is the residual network, or its plain twin.</param>
    public CifarResNet(NetworkShape shape, int blocks, bool hasShortcuts = true)
        : base(nameof(CifarResNet))
    {
        conv1 = Conv2d(shape.Channels, 16, kernel_size: 3, padding: 1, bias: false);
        bn1 = BatchNorm2d(16);
        layer1 = Layer(16, 16, stride: 1);
        layer2 = Layer(16, 32, stride: 2);
        layer3 = Layer(32, 64, stride: 2);
        fc = Linear(64, shape.Classes);
        RegisterComponents();
        DrawConvolutions();

        Sequential Layer(int inChannels, int channels, int stride)
        {
            var shortcut = hasShortcuts ? ShortcutKind.ZeroPadding : ShortcutKind.None;
            return Blocks(blocks, index => index == 0
                ? new BasicBlock(inChannels, channels, stride, shortcut)
                : new BasicBlock(channels, channels, stride: 1, shortcut));
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = relu(bn1.call(conv1.call(x)));
        x = layer3.call(layer2.call(layer1.call(x)));
        return fc.call(adaptive_avg_pool2d(x, 1).flatten(start_dim: 1));
    }

    /// <inheritdoc/>
    public override GraphValue Describe(IGraphBuilder graph, GraphValue x)
    {
        x = graph.Relu(graph.Call(bn1, graph.Call(conv1, x)));
        x = graph.Call(layer3, graph.Call(layer2, graph.Call(layer1, x)));
        return graph.Call(fc, graph.Flatten(graph.GlobalAveragePool(x)));
    }
}
