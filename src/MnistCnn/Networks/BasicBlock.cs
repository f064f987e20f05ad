using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;

namespace MnistCnn.Networks;

/// <summary>
/// The block of ResNet-18, ResNet-34 and all residual networks for CIFAR-10: the shortcut plus the output of two 3x3 convolutions, each
/// with batch normalization. From (N, <c>inChannels</c>, H, W) to (N, <c>channels</c>, H/<c>stride</c>, W/<c>stride</c>), rounded up.
/// </summary>
/// <remarks>
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, figure 5 left and section 3.3. Names as in torchvision.
/// </remarks>
internal sealed class BasicBlock : TraceableModule
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;
    private readonly Module<Tensor, Tensor>? downsample;
    private readonly bool hasShortcut;

    /// <param name="stride">Stride of the first convolution.</param>
    public BasicBlock(int inChannels, int channels, int stride, ShortcutKind shortcut)
        : base(nameof(BasicBlock))
    {
        hasShortcut = shortcut != ShortcutKind.None;
        conv1 = Conv2d(inChannels, channels, kernel_size: 3, stride: stride, padding: 1, bias: false);
        bn1 = BatchNorm2d(channels);
        conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1, bias: false);
        bn2 = BatchNorm2d(channels);
        downsample = Shortcut.CreateDownsample(shortcut, inChannels, channels, stride);
        RegisterComponents();
    }

    public override GraphValue forward(GraphValue x)
    {
        var y = relu(bn1.call(conv1.call(x)));
        y = bn2.call(conv2.call(y));
        return relu(hasShortcut ? y + (downsample?.call(x) ?? x) : y);
    }
}
