using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;

namespace MnistCnn.Networks;

/// <summary>
/// The article's two networks without their blocks: twice a 5x5 convolution, 2x2 maximum pooling, relu and a block, then a linear layer.
/// From normalized images (N, 1, 28, 28) to logits (N, 10), or as another <see cref="NetworkShape"/> says.
/// </summary>
/// <remarks>
/// Source: the article's two classes <c>Net</c>. The layers are created in the same order, so the initial weights equal PyTorch's for the
/// same seed, bit for bit. <see cref="Module.state_dict"/> has the article's names.
/// </remarks>
internal sealed class Net : TraceableModule
{
    private readonly Conv2d conv1, conv2;
    private readonly Module<Tensor, Tensor> block1, block2;
    private readonly Linear linear;

    /// <exception cref="ArgumentException">The images are smaller than 16x16 pixels.</exception>
    public Net(NetworkShape shape, ConvStage first, ConvStage second)
        : base(nameof(Net))
    {
        // A 5x5 convolution without padding removes four rows and columns, and pooling halves the rest.
        var (height, width) = (((shape.Height - 4) / 2 - 4) / 2, ((shape.Width - 4) / 2 - 4) / 2);
        if (height < 1 || width < 1)
            throw new ArgumentException($"This network takes images of 16x16 pixels or more, not of {shape.Height}x{shape.Width}.");

        conv1 = Conv2d(shape.Channels, first.Channels, kernel_size: 5);
        conv2 = Conv2d(first.BlockChannels, second.Channels, kernel_size: 5);
        block1 = first.CreateBlock(first.Channels);
        block2 = second.CreateBlock(second.Channels);
        linear = Linear((long)second.BlockChannels * height * width, shape.Classes);

        register_module(nameof(conv1), conv1);
        register_module(nameof(conv2), conv2);
        register_module(first.BlockName, block1);
        register_module(second.BlockName, block2);
        register_module(nameof(linear), linear);
    }

    public override GraphValue forward(GraphValue x)
    {
        x = relu(max_pool2d(conv1.call(x), kernel_size: 2));
        x = block1.call(x);
        x = relu(max_pool2d(conv2.call(x), kernel_size: 2));
        x = block2.call(x);
        return linear.call(flatten(x));
    }
}

/// <summary>One of the two convolutions of a <see cref="Net"/>, and the block after it.</summary>
/// <param name="Channels">Output channels of the convolution, and input channels of the block.</param>
/// <param name="BlockName">The block's name in the state dictionary.</param>
internal sealed record ConvStage(int Channels, string BlockName, Func<int, Module<Tensor, Tensor>> CreateBlock, int BlockChannels);
