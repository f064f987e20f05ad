using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Modules;

/// <summary>
/// The article's Residual block: two 3x3 convolutions learn what to add to their own input.
/// Takes (N, <c>channels</c>, H, W) and gives the same shape, float32.
/// </summary>
/// <remarks>
/// Source: the article's class <c>Residual</c>, after K. He et al., "Deep Residual Learning for Image Recognition",
/// 2015, figure 2. This is the block that the article draws and explains. Its listing slips in one letter,
/// <c>y = self.conv2(x)</c>, by which <c>conv1</c> would never be used.
/// </remarks>
public sealed class ResidualBlock : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;

    /// <param name="channels">Channels of the input, and of the output.</param>
    public ResidualBlock(int channels)
        : base(nameof(ResidualBlock))
    {
        conv1 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => relu(x + conv2.call(relu(conv1.call(x))));
}
