using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// A small classifier that reads maps in the middle of <see cref="GoogLeNet"/> while it trains: their means on a grid of 4x4, a 1x1
/// convolution and two linear layers. Takes (N, <c>inChannels</c>, H, W) and gives logits (N, <c>classes</c>), float32.
/// </summary>
/// <remarks>
/// Source: C. Szegedy et al., "Going Deeper with Convolutions", 2014, section 5. Names as in torchvision's <c>InceptionAux</c>, and as
/// there the means are taken on a grid of 4x4 whatever the maps' size, as the paper has it for its 14x14 maps.
/// </remarks>
internal sealed class AuxiliaryClassifier : Module<Tensor, Tensor>
{
    private const int Side = 4;
    private const int Channels = 128;
    private const int Features = 1024;

    private readonly ConvBnRelu conv;
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly Dropout dropout;

    /// <param name="inChannels">Channels of the maps.</param>
    /// <param name="classes">How many classes there are.</param>
    public AuxiliaryClassifier(int inChannels, int classes)
        : base(nameof(AuxiliaryClassifier))
    {
        conv = new ConvBnRelu(inChannels, Channels, kernelSize: 1);
        fc1 = Linear(Side * Side * Channels, Features);
        fc2 = Linear(Features, classes);
        dropout = Dropout(0.7);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = conv.call(adaptive_avg_pool2d(x, Side)).flatten(start_dim: 1);
        return fc2.call(dropout.call(relu(fc1.call(x))));
    }
}
