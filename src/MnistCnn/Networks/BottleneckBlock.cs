using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;

namespace MnistCnn.Networks;

/// <summary>
/// The block of ResNet-50 and deeper: the shortcut plus the output of a 1x1 convolution to fewer channels, a 3x3 convolution and a 1x1
/// convolution to <see cref="Expansion"/> times as many channels, each with batch normalization. From (N, <c>inChannels</c>, H, W) to
/// (N, <see cref="Expansion"/> * <c>channels</c>, H/<c>stride</c>, W/<c>stride</c>), rounded up.
/// </summary>
/// <remarks>
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, figure 5 right, with projections (option B). Names as in
/// torchvision's <c>Bottleneck</c>, and as there the 3x3 convolution has the stride ("v1.5"). In the paper the first 1x1 convolution has it
/// and so skips three quarters of its input.
/// </remarks>
internal sealed class BottleneckBlock : TraceableModule
{
    /// <summary>Output channels divided by the channels of the 3x3 convolution.</summary>
    public const int Expansion = 4;

    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;
    private readonly Conv2d conv3;
    private readonly BatchNorm2d bn3;
    private readonly Module<Tensor, Tensor>? downsample;

    /// <param name="channels">Channels of the 3x3 convolution.</param>
    /// <param name="stride">Stride of the 3x3 convolution.</param>
    public BottleneckBlock(int inChannels, int channels, int stride)
        : base(nameof(BottleneckBlock))
    {
        conv1 = Conv2d(inChannels, channels, kernel_size: 1, bias: false);
        bn1 = BatchNorm2d(channels);
        conv2 = Conv2d(channels, channels, kernel_size: 3, stride: stride, padding: 1, bias: false);
        bn2 = BatchNorm2d(channels);
        conv3 = Conv2d(channels, Expansion * channels, kernel_size: 1, bias: false);
        bn3 = BatchNorm2d(Expansion * channels);
        downsample = Shortcut.CreateDownsample(ShortcutKind.Projection, inChannels, Expansion * channels, stride);
        RegisterComponents();
    }

    public override GraphValue forward(GraphValue x)
    {
        var y = relu(bn1.call(conv1.call(x)));
        y = relu(bn2.call(conv2.call(y)));
        y = bn3.call(conv3.call(y));
        return relu(y + (downsample?.call(x) ?? x));
    }
}
