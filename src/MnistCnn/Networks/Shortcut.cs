using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>The way around a block, on which its input is added to what its layers give.</summary>
internal static class Shortcut
{
    private static readonly Scalar One = 1;

    /// <summary>x + y, of one shape.</summary>
    /// <remarks>
    /// TorchSharp's <c>x + y</c> makes a factor for y in each call, which may be finalised during it: once in some thousand
    /// calls it threw "Expected false to be true" while other threads collected garbage. This one stays.
    /// </remarks>
    public static Tensor Add(Tensor x, Tensor y) => x.add(y, One);

    /// <summary>
    /// The projection of an input where the block's output has another shape: a 1x1 convolution with batch normalisation from (N, <paramref name="inChannels"/>, H, W) to
    /// (N, <paramref name="outChannels"/>, H/<paramref name="stride"/>, W/<paramref name="stride"/>), rounded up, float32.
    /// Null where the shapes are the same: there the input itself is added.
    /// </summary>
    /// <remarks>
    /// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, equation 2 and option B of section 4.1.
    /// </remarks>
    public static Sequential? Projection(int inChannels, int outChannels, int stride) => inChannels == outChannels && stride == 1
        ? null
        : Sequential(Conv2d(inChannels, outChannels, kernel_size: 1, stride: stride, bias: false), BatchNorm2d(outChannels));
}
