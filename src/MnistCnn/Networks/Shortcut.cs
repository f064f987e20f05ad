using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>What a block adds to what its layers give.</summary>
/// <remarks>Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, section 3.3.</remarks>
internal enum ShortcutKind
{
    /// <summary>Nothing: it is a block of a plain network.</summary>
    None,

    /// <summary>Its input; where the output has another shape every second pixel of it, and zeros in the new channels (option A).</summary>
    ZeroPadding,

    /// <summary>Its input; where the output has another shape, a projection of it (option B).</summary>
    Projection,
}

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

    /// <summary>(N, C, H, W) with <paramref name="count"/> channels of zeros behind it.</summary>
    public static Tensor PadChannels(Tensor x, int count) => pad(x, [0, 0, 0, 0, 0, count]);

    /// <summary>
    /// What an input goes through on its way where the block's output has another shape, from (N, <paramref name="inChannels"/>, H, W) to
    /// (N, <paramref name="outChannels"/>, H/<paramref name="stride"/>, W/<paramref name="stride"/>), rounded up, float32.
    /// Null where the shapes are the same, and the input itself is added; or where nothing is.
    /// </summary>
    public static Module<Tensor, Tensor>? Of(ShortcutKind kind, int inChannels, int outChannels, int stride) =>
        kind == ShortcutKind.None || (inChannels == outChannels && stride == 1) ? null
        : kind == ShortcutKind.ZeroPadding ? new ZeroPaddingShortcut(outChannels - inChannels, stride)
        : Sequential(Conv2d(inChannels, outChannels, kernel_size: 1, stride: stride, bias: false), BatchNorm2d(outChannels));
}
