using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The one shape that the article's networks share: twice a 5x5 convolution, pooling, relu and a block, then a linear
/// layer. Takes normalised images (N, 1, 28, 28) and gives logits (N, 10), float32; or those of another <see cref="NetworkShape"/>.
/// </summary>
/// <remarks>
/// Source: the article's two classes <c>Net</c>. With the same seed, the weights of a new network are bit for bit those
/// of PyTorch's, since the layers are made in the same order; <see cref="Module.state_dict"/> has the article's names.
/// </remarks>
internal sealed class Net : Module<Tensor, Tensor>, IDescribed
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;
    private readonly Module<Tensor, Tensor> block1;
    private readonly Module<Tensor, Tensor> block2;
    private readonly Linear linear;

    /// <param name="shape">The images, of 16x16 pixels or more, and how many classes there are.</param>
    /// <param name="first">The first convolution and the block behind it: of 28x28 pixels, on 12x12 maps.</param>
    /// <param name="second">The second convolution and the block behind it: of 28x28 pixels, on 4x4 maps.</param>
    /// <exception cref="ArgumentException">The images are too small.</exception>
    public Net(NetworkShape shape, Stage first, Stage second)
        : base(nameof(Net))
    {
        // A 5x5 convolution without padding takes four pixels, and pooling halves what is left.
        var (height, width) = (((shape.Height - 4) / 2 - 4) / 2, ((shape.Width - 4) / 2 - 4) / 2);
        if (height < 1 || width < 1)
            throw new ArgumentException($"This network takes images of 16x16 pixels or more, not of {shape.Height}x{shape.Width}.");

        conv1 = Conv2d(shape.Channels, first.Channels, kernel_size: 5);
        conv2 = Conv2d(first.BlockChannels, second.Channels, kernel_size: 5);
        block1 = first.Block(first.Channels);
        block2 = second.Block(second.Channels);
        linear = Linear((long)second.BlockChannels * height * width, shape.Classes);

        register_module(nameof(conv1), conv1);
        register_module(nameof(conv2), conv2);
        register_module(first.BlockName, block1);
        register_module(second.BlockName, block2);
        register_module(nameof(linear), linear);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = relu(max_pool2d(conv1.call(x), kernel_size: 2));
        x = block1.call(x);
        x = relu(max_pool2d(conv2.call(x), kernel_size: 2));
        x = block2.call(x);
        return linear.call(x.flatten(start_dim: 1));
    }

    /// <inheritdoc/>
    public GraphValue Describe(IGraphBuilder graph, GraphValue x)
    {
        x = graph.Relu(graph.MaxPool(graph.Call(conv1, x), kernelSize: 2));
        x = graph.Call(block1, x);
        x = graph.Relu(graph.MaxPool(graph.Call(conv2, x), kernelSize: 2));
        x = graph.Call(block2, x);
        return graph.Call(linear, graph.Flatten(x));
    }
}

/// <summary>One of the two convolutions of a <see cref="Net"/> and the block behind it.</summary>
/// <param name="Channels">Channels that the convolution gives, and so those that the block takes.</param>
/// <param name="BlockName">The block's name in the state dictionary.</param>
/// <param name="Block">Makes the block for that many channels.</param>
/// <param name="BlockChannels">Channels that the block gives.</param>
internal sealed record Stage(int Channels, string BlockName, Func<int, Module<Tensor, Tensor>> Block, int BlockChannels);
