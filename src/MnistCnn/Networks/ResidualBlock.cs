using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The article's Residual block: two 3x3 convolutions learn what to add to their own input.
/// Takes (N, <c>channels</c>, H, W) and gives the same shape, float32.
/// </summary>
/// <remarks>
/// Source: the article's class <c>Residual</c>, after K. He et al., "Deep Residual Learning for Image Recognition",
/// 2015, figure 2. The article draws and explains one block and prints another: its listing says <c>y = self.conv2(x)</c>,
/// so that <c>conv1</c> is never used, gets no gradient and stays as it was made.
/// </remarks>
internal sealed class ResidualBlock : Module<Tensor, Tensor>, IDescribed
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;
    private readonly bool asPrinted;

    /// <param name="channels">Channels of the input, and of the output.</param>
    /// <param name="asPrinted">Whether it is the block of the listing, not the one that the article explains.</param>
    public ResidualBlock(int channels, bool asPrinted = false)
        : base(nameof(ResidualBlock))
    {
        this.asPrinted = asPrinted;
        conv1 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        conv2 = Conv2d(channels, channels, kernel_size: 3, padding: 1);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => relu(Shortcut.Add(x, conv2.call(asPrinted ? x : relu(conv1.call(x)))));

    /// <inheritdoc/>
    public GraphValue Describe(IGraphBuilder graph, GraphValue x) =>
        graph.Relu(graph.Add(x, graph.Call(conv2, asPrinted ? x : graph.Relu(graph.Call(conv1, x)))));
}
