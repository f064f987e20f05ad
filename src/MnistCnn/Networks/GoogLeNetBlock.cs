using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The Inception block of <see cref="GoogLeNet"/>: four views of the same maps side by side, joined along the channels. Takes
/// (N, <c>inChannels</c>, H, W) and gives (N, <see cref="OutChannels"/>, H, W), float32.
/// </summary>
/// <remarks>
/// Source: C. Szegedy et al., "Going Deeper with Convolutions", 2014, figure 2b. Names as in torchvision's <c>Inception</c>, and as
/// there the third branch has a 3x3 convolution where the paper has 5x5, and batch normalisation follows each convolution.
/// </remarks>
internal sealed class GoogLeNetBlock : Module<Tensor, Tensor>, IDescribed
{
    private readonly ConvBnRelu branch1;
    private readonly Sequential branch2;
    private readonly Sequential branch3;
    private readonly Sequential branch4;

    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="ones">Channels of the first branch, a 1x1 convolution ("#1x1" in the paper's table 1).</param>
    /// <param name="narrowThrees">Channels to which a 1x1 convolution narrows the maps in the second branch ("#3x3 reduce").</param>
    /// <param name="threes">Channels of that branch ("#3x3").</param>
    /// <param name="narrowFives">Channels to which a 1x1 convolution narrows the maps in the third branch ("#5x5 reduce").</param>
    /// <param name="fives">Channels of that branch ("#5x5").</param>
    /// <param name="pool">Channels of the fourth branch, a 1x1 convolution behind pooling ("pool proj").</param>
    public GoogLeNetBlock(int inChannels, int ones, int narrowThrees, int threes, int narrowFives, int fives, int pool)
        : base(nameof(GoogLeNetBlock))
    {
        OutChannels = ones + threes + fives + pool;
        branch1 = new ConvBnRelu(inChannels, ones, kernelSize: 1);
        branch2 = Sequential(
            new ConvBnRelu(inChannels, narrowThrees, kernelSize: 1), new ConvBnRelu(narrowThrees, threes, kernelSize: 3, padding: 1));
        branch3 = Sequential(
            new ConvBnRelu(inChannels, narrowFives, kernelSize: 1), new ConvBnRelu(narrowFives, fives, kernelSize: 3, padding: 1));

        // torchvision's number 0 is the pooling, which has no weights.
        branch4 = Sequential(("1", new ConvBnRelu(inChannels, pool, kernelSize: 1)));
        RegisterComponents();
    }

    /// <summary>Channels of the output: those of the four branches.</summary>
    public int OutChannels { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => cat(
    [
        branch1.call(x),
        branch2.call(x),
        branch3.call(x),
        branch4.call(max_pool2d(x, kernel_size: 3, stride: 1, padding: 1)),
    ], dim: 1);

    /// <inheritdoc/>
    public GraphValue Describe(IGraphBuilder graph, GraphValue x) => graph.Concatenate(
    [
        graph.Call(branch1, x),
        graph.Call(branch2, x),
        graph.Call(branch3, x),
        graph.Call(branch4, graph.MaxPool(x, kernelSize: 3, stride: 1, padding: 1)),
    ]);
}
