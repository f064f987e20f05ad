using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The residual networks for images, and the plain networks that they are compared with: a 7x7 convolution and pooling, four
/// layers of blocks, of which each after the first has twice the channels on half the height and width, then the mean of each
/// map and a linear layer. Takes (N, <c>Channels</c>, <c>Height</c>, <c>Width</c>), of any size, and gives
/// (N, <c>Classes</c>), float32.
/// </summary>
/// <remarks>
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385, table 1 and figure 3.
/// <see cref="Module.state_dict"/> has the names of torchvision's <c>ResNet</c>, so that its weights fit; with the same seed, new
/// weights are torchvision's too. On MNIST's 28x28 pixels the maps of the four layers are 7x7, 4x4, 2x2 and 1x1.
/// </remarks>
internal sealed class ResNet : BlockNetwork
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Sequential layer1;
    private readonly Sequential layer2;
    private readonly Sequential layer3;
    private readonly Sequential layer4;
    private readonly Linear fc;

    /// <param name="shape">The images, and how many classes there are.</param>
    /// <param name="blocks">How many blocks each of the four layers has.</param>
    /// <param name="expansion">How many times as many channels a block gives as it is made for.</param>
    /// <param name="block">Makes a block from the channels of its input, those that it is made for, and its stride.</param>
    private ResNet(NetworkShape shape, int[] blocks, int expansion, Func<int, int, int, Module<Tensor, Tensor>> block)
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
        DrawConvolutions();

        Sequential Layer(int channels, int count, int stride)
        {
            var firstChannels = inChannels;
            inChannels = expansion * channels;
            return Blocks(count, index => index == 0 ? block(firstChannels, channels, stride) : block(inChannels, channels, 1));
        }
    }

    /// <summary>A residual network of <see cref="BasicBlock"/>s.</summary>
    /// <param name="shape">The images, and how many classes there are.</param>
    /// <param name="blocks">How many blocks each of the four layers has.</param>
    public static ResNet OfBasicBlocks(NetworkShape shape, params int[] blocks) => new(
        shape, blocks, expansion: 1, (inChannels, channels, stride) => new BasicBlock(inChannels, channels, stride, ShortcutKind.Projection));

    /// <summary>A residual network of <see cref="BottleneckBlock"/>s.</summary>
    /// <param name="shape">The images, and how many classes there are.</param>
    /// <param name="blocks">How many blocks each of the four layers has.</param>
    public static ResNet OfBottlenecks(NetworkShape shape, params int[] blocks) => new(
        shape,
        blocks,
        BottleneckBlock.Expansion,
        (inChannels, channels, stride) => new BottleneckBlock(inChannels, channels, stride));

    /// <summary>A plain network: <see cref="OfBasicBlocks"/> without a shortcut.</summary>
    /// <param name="shape">The images, and how many classes there are.</param>
    /// <param name="blocks">How many blocks each of the four layers has.</param>
    public static ResNet WithoutShortcuts(NetworkShape shape, params int[] blocks) => new(
        shape,
        blocks,
        expansion: 1,
        (inChannels, channels, stride) => new BasicBlock(inChannels, channels, stride, ShortcutKind.None));

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = relu(bn1.call(conv1.call(x)));
        x = max_pool2d(x, kernel_size: 3, stride: 2, padding: 1);
        x = layer4.call(layer3.call(layer2.call(layer1.call(x))));
        return fc.call(adaptive_avg_pool2d(x, 1).flatten(start_dim: 1));
    }

    /// <inheritdoc/>
    public override GraphValue Describe(IGraphBuilder graph, GraphValue x)
    {
        x = graph.Relu(graph.Call(bn1, graph.Call(conv1, x)));
        x = graph.MaxPool(x, kernelSize: 3, stride: 2, padding: 1);
        x = graph.Call(layer4, graph.Call(layer3, graph.Call(layer2, graph.Call(layer1, x))));
        return graph.Call(fc, graph.Flatten(graph.GlobalAveragePool(x)));
    }
}
