using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Modules;

/// <summary>
/// The one shape that the article's networks share: twice a 5x5 convolution, pooling, relu and a block, then a linear
/// layer. Takes normalised images (N, 1, 28, 28) and gives logits (N, 10), float32.
/// </summary>
/// <remarks>
/// Source: the article's two classes <c>Net</c>. With the same seed, the weights of a new network are bit for bit those
/// of PyTorch's, since the layers are made in the same order; <see cref="Module.state_dict"/> has the article's names.
/// </remarks>
public sealed class Net : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;
    private readonly Module<Tensor, Tensor> block1;
    private readonly Module<Tensor, Tensor> block2;
    private readonly Linear linear;

    /// <param name="first">The first convolution and the block behind it, on 12x12 maps.</param>
    /// <param name="second">The second convolution and the block behind it, on 4x4 maps.</param>
    public Net(Stage first, Stage second)
        : base(nameof(Net))
    {
        conv1 = Conv2d(1, first.Channels, kernel_size: 5);
        conv2 = Conv2d(first.BlockChannels, second.Channels, kernel_size: 5);
        block1 = first.Block(first.Channels);
        block2 = second.Block(second.Channels);
        linear = Linear(second.BlockChannels * 4 * 4, 10);

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
}
