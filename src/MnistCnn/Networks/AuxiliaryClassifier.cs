using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// A small classifier that reads feature maps in the middle of <see cref="GoogLeNet"/> during training: average pooling to 4x4, a 1x1
/// convolution and two linear layers. From (N, <c>inChannels</c>, H, W) to logits (N, <c>classes</c>).
/// </summary>
/// <remarks>
/// Source: C. Szegedy et al., "Going Deeper with Convolutions", 2014, section 5. Names as in torchvision's <c>InceptionAux</c>, and as
/// there feature maps of any size are pooled to 4x4, the size that the paper's 14x14 feature maps have after pooling.
/// </remarks>
internal sealed class AuxiliaryClassifier : Module<Tensor, Tensor>
{
    private const int PooledSize = 4;
    private const int Channels = 128;
    private const int Features = 1024;

    private readonly ConvBnRelu conv;
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly Dropout dropout;

    public AuxiliaryClassifier(int inChannels, int classes)
        : base(nameof(AuxiliaryClassifier))
    {
        conv = new ConvBnRelu(inChannels, Channels, kernelSize: 1);
        fc1 = Linear(PooledSize * PooledSize * Channels, Features);
        fc2 = Linear(Features, classes);
        dropout = Dropout(0.7);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = conv.call(adaptive_avg_pool2d(x, PooledSize)).flatten(start_dim: 1);
        return fc2.call(dropout.call(relu(fc1.call(x))));
    }
}
