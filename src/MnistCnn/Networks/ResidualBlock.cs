using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;

namespace MnistCnn.Networks;

/// <summary>The article's Residual block: its input plus the output of two 3x3 convolutions, both (N, <c>channels</c>, H, W).</summary>
/// <remarks>
/// Source: the article's class <c>Residual</c>, after K. He et al., "Deep Residual Learning for Image Recognition", 2015, figure 2. The
/// article draws and explains this block, but its listing says <c>y = self.conv2(x)</c>: there <c>conv1</c> has no effect on the output,
/// gets no gradient and keeps its initial weights.
/// </remarks>
internal sealed class ResidualBlock : TraceableModule
{
    private readonly Conv2d conv1, conv2;
    private readonly bool asPrinted, hasShortcut;

    /// <param name="asPrinted">Computes the article's listing instead of the block that it explains.</param>
    /// <param name="hasShortcut">False for a block of a plain network, with the same parameters; see the source, section 3.3.</param>
    public ResidualBlock(int channels, bool asPrinted = false, bool hasShortcut = true)
        : base(nameof(ResidualBlock))
    {
        (this.asPrinted, this.hasShortcut) = (asPrinted, hasShortcut);
        conv1 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        RegisterComponents();
    }

    public override GraphValue forward(GraphValue x)
    {
        var y = asPrinted ? x : relu(conv1.call(x));
        y = conv2.call(y);
        return relu(hasShortcut ? x + y : y);
    }
}
