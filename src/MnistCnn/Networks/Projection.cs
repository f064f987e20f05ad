using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>The shortcut around a block whose output has another shape than its input.</summary>
public static class Projection
{
    /// <summary>
    /// A 1x1 convolution with batch normalisation from (N, <paramref name="inChannels"/>, H, W) to
    /// (N, <paramref name="outChannels"/>, H/<paramref name="stride"/>, W/<paramref name="stride"/>), rounded up, float32.
    /// Null where the shapes are the same: there the input itself is added.
    /// </summary>
    /// <remarks>
    /// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, equation 2 and option B of section 4.1.
    /// </remarks>
    public static Sequential? Create(int inChannels, int outChannels, int stride) => inChannels == outChannels && stride == 1
        ? null
        : Sequential(Conv2d(inChannels, outChannels, kernel_size: 1, stride: stride, bias: false), BatchNorm2d(outChannels));
}
