using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;

namespace MnistCnn.Networks;

/// <summary>
/// The residual networks for ImageNet, and their plain twins: a 7x7 convolution and maximum pooling; four layers of blocks, of which each
/// after the first halves height and width and doubles the channels; global average pooling and a linear layer. From images
/// (N, <c>Channels</c>, <c>Height</c>, <c>Width</c>) of any size to logits (N, <c>Classes</c>).
/// </summary>
/// <remarks>
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, table 1 and figure 3.
/// <see cref="Module.state_dict"/> has the names of torchvision's <c>ResNet</c>, so torchvision's weights fit; with the same seed, the
/// initial weights are torchvision's too. For MNIST's 28x28 pixels, the feature maps of the four layers are 7x7, 4x4, 2x2 and 1x1.
/// </remarks>
internal sealed class ResNet : BlockNetwork
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Sequential layer1, layer2, layer3, layer4;
    private readonly Linear fc;

    /// <param name="blocks">Blocks in each of the four layers.</param>
    public ResNet(NetworkShape shape, int[] blocks, bool hasBottlenecks = false, bool hasShortcuts = true)
        : base(nameof(ResNet))
    {
        conv1 = Conv2d(shape.Channels, 64, kernel_size: 7, stride: 2, padding: 3, bias: false);
        bn1 = BatchNorm2d(64);
        var inChannels = 64;
        layer1 = Layer(64, blocks[0], stride: 1);
        layer2 = Layer(128, blocks[1], stride: 2);
        layer3 = Layer(256, blocks[2], stride: 2);
        layer4 = Layer(512, blocks[3], stride: 2);
        fc = Linear(inChannels, shape.Classes);
        RegisterComponents();
        InitializeConvolutions();

        Sequential Layer(int channels, int count, int stride)
        {
            var firstChannels = inChannels;
            inChannels = hasBottlenecks ? BottleneckBlock.Expansion * channels : channels;
            return CreateBlocks(count, firstChannels, inChannels, stride, (input, step) => hasBottlenecks
                ? new BottleneckBlock(input, channels, step)
                : new BasicBlock(input, channels, step, hasShortcuts ? ShortcutKind.Projection : ShortcutKind.None));
        }
    }

    public override GraphValue forward(GraphValue x)
    {
        x = relu(bn1.call(conv1.call(x)));
        x = max_pool2d(x, kernel_size: 3, stride: 2, padding: 1);
        x = layer4.call(layer3.call(layer2.call(layer1.call(x))));
        return fc.call(flatten(global_avg_pool2d(x)));
    }
}
