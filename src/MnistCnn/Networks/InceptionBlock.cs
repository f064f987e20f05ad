using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;

namespace MnistCnn.Networks;

/// <summary>
/// The article's Inception block: four branches read the same feature maps, and their outputs are concatenated along the channels. From
/// (N, <c>inChannels</c>, H, W) to (N, <see cref="OutChannels"/>, H, W).
/// </summary>
/// <remarks>
/// Source: the article's class <c>Inception</c>, after C. Szegedy et al., "Going Deeper with Convolutions", 2014, figure 2b. As in the
/// article, there is no activation between the convolutions of a branch.
/// </remarks>
internal sealed class InceptionBlock : TraceableModule
{
    /// <summary>Output channels: 16 + 24 + 24 + 24.</summary>
    public const int OutChannels = 88;

    // Created in the article's order, which decides which random numbers become which weights.
    private readonly Conv2d branch_pool, branch1x1, branch5x5_1, branch5x5_2, branch3x3_1, branch3x3_2, branch3x3_3;

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

    public override GraphValue forward(GraphValue x) => cat(
    [
        branch1x1.call(x),
        branch5x5_2.call(branch5x5_1.call(x)),
        branch3x3_3.call(branch3x3_2.call(branch3x3_1.call(x))),
        branch_pool.call(avg_pool2d(x, kernel_size: 3, stride: 1, padding: 1)),
    ], dim: 1);
}
