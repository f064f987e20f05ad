using MnistCnn.Graphs;
using TorchSharp.Modules;
using static MnistCnn.Graphs.Functional;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>
/// The Inception block of <see cref="GoogLeNet"/>: four branches read the same feature maps, and their outputs are concatenated along the
/// channels. From (N, <c>inChannels</c>, H, W) to (N, <see cref="OutChannels"/>, H, W).
/// </summary>
/// <remarks>
/// Source: C. Szegedy et al., "Going Deeper with Convolutions", 2014, figure 2b. Names as in torchvision's <c>Inception</c>, and as there
/// the third branch has a 3x3 convolution instead of the paper's 5x5, and each convolution has batch normalization.
/// </remarks>
internal sealed class GoogLeNetBlock : TraceableModule
{
    private readonly ConvBnRelu branch1;
    private readonly Sequential branch2;
    private readonly Sequential branch3;
    private readonly Sequential branch4;

    /// <summary>Creates a block from a row of the paper's table 1: the output channels of its convolutions.</summary>
    /// <param name="ones">Column "#1x1".</param>
    /// <param name="threesReduce">Column "#3x3 reduce".</param>
    /// <param name="threes">Column "#3x3".</param>
    /// <param name="fivesReduce">Column "#5x5 reduce".</param>
    /// <param name="fives">Column "#5x5".</param>
    /// <param name="poolProjection">Column "pool proj".</param>
    public GoogLeNetBlock(int inChannels, int ones, int threesReduce, int threes, int fivesReduce, int fives, int poolProjection)
        : base(nameof(GoogLeNetBlock))
    {
        OutChannels = ones + threes + fives + poolProjection;
        branch1 = new ConvBnRelu(inChannels, ones, kernelSize: 1);
        branch2 = Sequential(
            new ConvBnRelu(inChannels, threesReduce, kernelSize: 1), new ConvBnRelu(threesReduce, threes, kernelSize: 3, padding: 1));
        branch3 = Sequential(
            new ConvBnRelu(inChannels, fivesReduce, kernelSize: 1), new ConvBnRelu(fivesReduce, fives, kernelSize: 3, padding: 1));

        // torchvision's module 0 is the pooling, which has no weights.
        branch4 = Sequential(("1", new ConvBnRelu(inChannels, poolProjection, kernelSize: 1)));
        RegisterComponents();
    }

    public int OutChannels { get; }

    public override GraphValue forward(GraphValue x) => cat(
    [
        branch1.call(x),
        branch2.call(x),
        branch3.call(x),
        branch4.call(max_pool2d(x, kernel_size: 3, stride: 1, padding: 1)),
    ], dim: 1);
}
