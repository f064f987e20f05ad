using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The shortcut without weights around a block whose output has other channels, height and width than its input: of each row and column
/// every <c>stride</c>-th pixel, and zeros in the new channels. Takes (N, C, H, W) and gives (N, C + <c>newChannels</c>,
/// H/<c>stride</c>, W/<c>stride</c>), rounded up, float32.
/// </summary>
/// <remarks>
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", 2015, option A of section 3.3. Which channels are the new
/// ones is not said there; they are the last, as in the authors' own networks.
/// </remarks>
internal sealed class ZeroPaddingShortcut : Module<Tensor, Tensor>, IDescribed
{
    private readonly int newChannels;
    private readonly int stride;

    /// <param name="newChannels">How many channels more the output has.</param>
    /// <param name="stride">From one pixel that is taken to the next.</param>
    public ZeroPaddingShortcut(int newChannels, int stride)
        : base(nameof(ZeroPaddingShortcut)) => (this.newChannels, this.stride) = (newChannels, stride);

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => Shortcut.PadChannels(max_pool2d(x, kernel_size: 1, stride: stride), newChannels);

    /// <inheritdoc/>
    public GraphValue Describe(IGraphBuilder graph, GraphValue x) => graph.PadChannels(graph.MaxPool(x, kernelSize: 1, stride), newChannels);
}
