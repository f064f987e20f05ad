using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The article's Inception block: four views of the same maps side by side, joined along the channels.
/// Takes (N, <c>inChannels</c>, H, W) and gives (N, <see cref="OutChannels"/>, H, W), float32.
/// </summary>
/// <remarks>
/// Source: the article's class <c>Inception</c>, after C. Szegedy et al., "Going Deeper with Convolutions", 2014,
/// figure 2b. As in the article, no activation stands between the convolutions of a branch.
/// </remarks>
internal sealed class InceptionBlock : Module<Tensor, Tensor>, IDescribed
{
    /// <summary>Channels of the output: 16 + 24 + 24 + 24, whatever goes in.</summary>
    public const int OutChannels = 88;

    // The order in which they are made is the article's: it decides which random numbers become which weights.
    private readonly Conv2d branch_pool;
    private readonly Conv2d branch1x1;
    private readonly Conv2d branch5x5_1;
    private readonly Conv2d branch5x5_2;
    private readonly Conv2d branch3x3_1;
    private readonly Conv2d branch3x3_2;
    private readonly Conv2d branch3x3_3;

    /// <param name="inChannels">Channels of the input.</param>
    public InceptionBlock(int inChannels)
        : base(nameof(InceptionBlock))
    {
        branch_pool = Conv2d(inChannels, 24, kernel_size: 1);
        branch1x1 = Conv2d(inChannels, 16, kernel_size: 1);

        branch5x5_1 = Conv2d(inChannels, 16, kernel_size: 1);
        branch5x5_2 = Conv2d(16, 24, kernel_size: 5, padding: 2);

        branch3x3_1 = Conv2d(inChannels, 16, kernel_size: 1);
        branch3x3_2 = Conv2d(16, 24, kernel_size: 3, padding: 1);
        branch3x3_3 = Conv2d(24, 24, kernel_size: 3, padding: 1);

        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => cat(
    [
        branch1x1.call(x),
        branch5x5_2.call(branch5x5_1.call(x)),
        branch3x3_3.call(branch3x3_2.call(branch3x3_1.call(x))),
        branch_pool.call(avg_pool2d(x, kernel_size: 3, stride: 1, padding: 1)),
    ], dim: 1);

    /// <inheritdoc/>
    public GraphValue Describe(IGraphBuilder graph, GraphValue x) => graph.Concatenate(
    [
        graph.Call(branch1x1, x),
        graph.Call(branch5x5_2, graph.Call(branch5x5_1, x)),
        graph.Call(branch3x3_3, graph.Call(branch3x3_2, graph.Call(branch3x3_1, x))),
        graph.Call(branch_pool, graph.AveragePool(x, kernelSize: 3, stride: 1, padding: 1)),
    ]);
}
