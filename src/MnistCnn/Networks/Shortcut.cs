using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;

namespace MnistCnn.Networks;

/// <summary>The shortcuts of K. He et al., "Deep Residual Learning for Image Recognition", 2015, section 3.3.</summary>
internal enum ShortcutKind
{
    /// <summary>No shortcut: a block of a plain network.</summary>
    None,

    /// <summary>The block's input, strided and padded with channels of zeros if the output has another shape (option A).</summary>
    ZeroPadding,

    /// <summary>The block's input, projected by a 1x1 convolution if the output has another shape (option B).</summary>
    Projection,
}

internal static class Shortcut
{
    /// <summary>
    /// Creates the module that gives a block's input the shape of its output: from (N, <paramref name="inChannels"/>, H, W) to
    /// (N, <paramref name="outChannels"/>, H/<paramref name="stride"/>, W/<paramref name="stride"/>), rounded up. Null if the shapes are
    /// the same or the block has no shortcut.
    /// </summary>
    public static Module<Tensor, Tensor>? CreateDownsample(ShortcutKind kind, int inChannels, int outChannels, int stride) =>
        kind == ShortcutKind.None || (inChannels == outChannels && stride == 1) ? null
        : kind == ShortcutKind.ZeroPadding ? new ZeroPaddingShortcut(outChannels - inChannels, stride)
        : Sequential(Conv2d(inChannels, outChannels, kernel_size: 1, stride: stride, bias: false), BatchNorm2d(outChannels));
}

/// <summary>
/// The shortcut without weights: every <paramref name="stride"/>-th pixel of each row and column, and zeros in the new channels. From
/// (N, C, H, W) to (N, C + <paramref name="newChannels"/>, H/<paramref name="stride"/>, W/<paramref name="stride"/>), rounded up.
/// </summary>
/// <remarks>The paper does not say which channels are the new ones. As in the authors' own networks, they are the last.</remarks>
internal sealed class ZeroPaddingShortcut(int newChannels, int stride) : TraceableModule(nameof(ZeroPaddingShortcut))
{
    public override GraphValue forward(GraphValue x) => pad_channels(max_pool2d(x, kernel_size: 1, stride), newChannels);
}
