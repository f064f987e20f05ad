using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;

namespace MnistCnn.Networks;

/// <summary>
/// The residual networks for CIFAR-10, and their plain twins: a 3x3 convolution; three layers of blocks with 16, 32 and 64 channels, of
/// which the second and the third halve height and width; global average pooling and a linear layer. From images (N, <c>Channels</c>,
/// <c>Height</c>, <c>Width</c>) of any size to logits (N, <c>Classes</c>). With n blocks per layer, 6n + 2 layers have weights.
/// </summary>
/// <remarks>
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, section 4.2. The shortcuts have no weights
/// (option A), so a plain network has the parameters of its residual twin and, with the same seed, the same initial weights. Names in the
/// state dictionary and distributions of the initial weights are as in <see cref="ResNet"/>. For MNIST's 28x28 pixels, the feature
/// maps of the three layers are 28x28, 14x14 and 7x7.
/// </remarks>
internal sealed class CifarResNet : BlockNetwork
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Sequential layer1, layer2, layer3;
    private readonly Linear fc;

    /// <param name="blocks">Blocks per layer, the paper's n.</param>
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
        InitializeConvolutions();

        Sequential Layer(int inChannels, int channels, int stride) => CreateBlocks(blocks, inChannels, channels, stride, (input, step) =>
            new BasicBlock(input, channels, step, hasShortcuts ? ShortcutKind.ZeroPadding : ShortcutKind.None));
    }

    public override GraphValue forward(GraphValue x)
    {
        x = relu(bn1.call(conv1.call(x)));
        x = layer3.call(layer2.call(layer1.call(x)));
        return fc.call(flatten(global_avg_pool2d(x)));
    }
}
