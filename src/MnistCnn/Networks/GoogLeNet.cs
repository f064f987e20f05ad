using MnistCnn.OnnxExport;
using static MnistCnn.OnnxExport.Functional;

namespace MnistCnn.Networks;

/// <summary>
/// GoogLeNet: three convolutions and pooling; nine Inception blocks, with pooling after the second and the seventh; global average pooling
/// and a linear layer. From images (N, <c>Channels</c>, <c>Height</c>, <c>Width</c>) of at least 15x15 pixels to logits
/// (N, <c>Classes</c>).
/// </summary>
/// <remarks>
/// Source: C. Szegedy et al., "Going Deeper with Convolutions", 2014, arXiv:1409.4842, table 1 and figure 3, as torchvision builds it: with
/// batch normalization, without local response normalization, and with 3x3 convolutions instead of the table's 5x5.
/// <see cref="Module.state_dict"/> has torchvision's names, so torchvision's weights fit; with the same seed, the initial weights are
/// torchvision's too. For MNIST's 28x28 pixels, the blocks read feature maps of 3x3 and, from the third on, of 1x1.
/// </remarks>
internal sealed class GoogLeNet : BlockNetwork, IHasAuxiliaryClassifiers
{
    /// <summary>Smallest height and width; pooling would leave nothing of smaller images.</summary>
    public const int SmallestSide = 15;

    private readonly ConvBnRelu conv1, conv2, conv3;
    private readonly GoogLeNetBlock inception3a, inception3b;
    private readonly GoogLeNetBlock inception4a, inception4b, inception4c, inception4d, inception4e;
    private readonly GoogLeNetBlock inception5a, inception5b;
    private readonly AuxiliaryClassifier? aux1, aux2;
    private readonly Dropout dropout;
    private readonly Linear fc;

    /// <exception cref="ArgumentException">The images are too small.</exception>
    public GoogLeNet(NetworkShape shape, bool hasAuxiliaryClassifiers)
        : base(nameof(GoogLeNet))
    {
        if (Math.Min(shape.Height, shape.Width) < SmallestSide)
            throw new ArgumentException(
                $"This network takes images of {SmallestSide}x{SmallestSide} pixels or more, not of {shape.Height}x{shape.Width}.");

        conv1 = new ConvBnRelu(shape.Channels, 64, kernelSize: 7, stride: 2, padding: 3);
        conv2 = new ConvBnRelu(64, 64, kernelSize: 1);
        conv3 = new ConvBnRelu(64, 192, kernelSize: 3, padding: 1);

        // Each line is a row of the paper's table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
        inception3a = new GoogLeNetBlock(192, 64, 96, 128, 16, 32, 32);
        inception3b = new GoogLeNetBlock(256, 128, 128, 192, 32, 96, 64);
        inception4a = new GoogLeNetBlock(480, 192, 96, 208, 16, 48, 64);
        inception4b = new GoogLeNetBlock(512, 160, 112, 224, 24, 64, 64);
        inception4c = new GoogLeNetBlock(512, 128, 128, 256, 24, 64, 64);
        inception4d = new GoogLeNetBlock(512, 112, 144, 288, 32, 64, 64);
        inception4e = new GoogLeNetBlock(528, 256, 160, 320, 32, 128, 128);
        inception5a = new GoogLeNetBlock(832, 256, 160, 320, 32, 128, 128);
        inception5b = new GoogLeNetBlock(832, 384, 192, 384, 48, 128, 128);

        if (hasAuxiliaryClassifiers)
        {
            aux1 = new AuxiliaryClassifier(inception4a.OutChannels, shape.Classes);
            aux2 = new AuxiliaryClassifier(inception4d.OutChannels, shape.Classes);
        }

        dropout = Dropout(0.2);
        fc = Linear(inception5b.OutChannels, shape.Classes);
        RegisterComponents();

        // Like torchvision. The weights of batch normalization and the biases have one dimension.
        foreach (var weight in parameters().Where(weight => weight.dim() > 1))
            TruncatedNormal(weight);
    }

    /// <remarks>Source: the paper's section 5.</remarks>
    public double AuxiliaryLossWeight => 0.3;

    public IReadOnlyList<string> AuxiliaryNames { get; } = [nameof(aux1), nameof(aux2)];

    public override GraphValue forward(GraphValue x) => From4e(From4b(To4a(x)));

    public (Tensor Logits, IReadOnlyList<Tensor> AuxiliaryLogits) ForwardWithAuxiliary(Tensor x)
    {
        var maps4a = To4a(new TensorValue(x));
        Tensor[] auxiliary1 = aux1 is null ? [] : [aux1.call(TensorOf(maps4a))];
        var maps4d = From4b(maps4a);
        Tensor[] auxiliary2 = aux2 is null ? [] : [aux2.call(TensorOf(maps4d))];
        return (TensorOf(From4e(maps4d)), [.. auxiliary1, .. auxiliary2]);

        static Tensor TensorOf(GraphValue value) => ((TensorValue)value).Tensor;
    }

    private GraphValue To4a(GraphValue x)
    {
        x = Pool(conv1.call(x));
        x = Pool(conv3.call(conv2.call(x)));
        x = Pool(inception3b.call(inception3a.call(x)));
        return inception4a.call(x);
    }

    private GraphValue From4b(GraphValue x) => inception4d.call(inception4c.call(inception4b.call(x)));

    private GraphValue From4e(GraphValue x)
    {
        x = Pool(inception4e.call(x), kernelSize: 2);
        x = inception5b.call(inception5a.call(x));
        return fc.call(dropout.call(flatten(global_avg_pool2d(x))));
    }

    // In ceil mode, 6 rows become 3, not 2.
    private static GraphValue Pool(GraphValue x, int kernelSize = 3) => max_pool2d(x, kernelSize, stride: 2, ceil_mode: true);

    // PyTorch's trunc_normal_ with std 0.01 and limits -2 and 2. TorchSharp 0.107's makes all values equal with limits that many stds away.
    private static void TruncatedNormal(Tensor weight)
    {
        using var noGradient = no_grad();
        using Scalar factor = 0.01 * Math.Sqrt(2), min = -2, max = 2;
        weight.uniform_(-1, 1).erfinv_().mul_(factor).clamp_(min, max);
    }
}

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
    private readonly Sequential branch2, branch3, branch4;

    /// <summary>Creates a block from a row of the paper's table 1: the output channels of its convolutions.</summary>
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

/// <summary>A convolution without bias, batch normalization and relu: torchvision's <c>BasicConv2d</c>, with its names and eps.</summary>
internal sealed class ConvBnRelu : TraceableModule
{
    private readonly Conv2d conv;
    private readonly BatchNorm2d bn;

    public ConvBnRelu(int inChannels, int channels, int kernelSize, int stride = 1, int padding = 0)
        : base(nameof(ConvBnRelu))
    {
        conv = Conv2d(inChannels, channels, kernelSize, stride, padding, bias: false);
        bn = BatchNorm2d(channels, eps: 0.001);
        RegisterComponents();
    }

    public override GraphValue forward(GraphValue x) => relu(bn.call(conv.call(x)));
}

/// <summary>
/// A small classifier that reads feature maps in the middle of <see cref="GoogLeNet"/> during training: average pooling to 4x4, a 1x1
/// convolution and two linear layers. From (N, <c>inChannels</c>, H, W) to logits (N, <c>classes</c>).
/// </summary>
/// <remarks>
/// Source: C. Szegedy et al., "Going Deeper with Convolutions", 2014, section 5. Names as in torchvision's <c>InceptionAux</c>, and as
/// there feature maps of any size are pooled to 4x4, the size that the paper's 14x14 feature maps have after pooling.
/// </remarks>
internal sealed class AuxiliaryClassifier : Module<Tensor, Tensor>
{
    private const int PooledSize = 4, Channels = 128, Features = 1024;

    private readonly ConvBnRelu conv;
    private readonly Linear fc1, fc2;
    private readonly Dropout dropout;

    public AuxiliaryClassifier(int inChannels, int classes)
        : base(nameof(AuxiliaryClassifier))
    {
        conv = new ConvBnRelu(inChannels, Channels, kernelSize: 1);
        fc1 = Linear(PooledSize * PooledSize * Channels, Features);
        fc2 = Linear(Features, classes);
        dropout = Dropout(0.7);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = conv.call(nn.functional.adaptive_avg_pool2d(x, PooledSize)).flatten(start_dim: 1);
        return fc2.call(dropout.call(nn.functional.relu(fc1.call(x))));
    }
}
