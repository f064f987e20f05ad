using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Networks;

/// <summary>
/// The first network of Inception blocks: three convolutions and pooling, nine blocks with pooling behind the second and the
/// seventh, then the mean of each map and a linear layer. Takes (N, <c>Channels</c>, <c>Height</c>, <c>Width</c>), of 15x15 pixels or more,
/// and gives (N, <c>Classes</c>), float32.
/// </summary>
/// <remarks>
/// Source: C. Szegedy et al., "Going Deeper with Convolutions", 2014, arXiv:1409.4842, table 1 and figure 3, as torchvision builds
/// it: with batch normalisation, without the local response normalisation, and with 3x3 where the table has 5x5.
/// <see cref="Module.state_dict"/> has torchvision's names, so that its weights fit; with the same seed, new weights are torchvision's
/// too. On MNIST's 28x28 pixels the blocks see maps of 3x3 and, from the third on, of 1x1.
/// </remarks>
internal sealed class GoogLeNet : BlockNetwork, IHasAuxiliaryClassifiers
{
    /// <summary>The height and width of the smallest images: of smaller ones, pooling would leave nothing.</summary>
    public const int SmallestSide = 15;

    private readonly ConvBnRelu conv1;
    private readonly ConvBnRelu conv2;
    private readonly ConvBnRelu conv3;
    private readonly GoogLeNetBlock inception3a;
    private readonly GoogLeNetBlock inception3b;
    private readonly GoogLeNetBlock inception4a;
    private readonly GoogLeNetBlock inception4b;
    private readonly GoogLeNetBlock inception4c;
    private readonly GoogLeNetBlock inception4d;
    private readonly GoogLeNetBlock inception4e;
    private readonly GoogLeNetBlock inception5a;
    private readonly GoogLeNetBlock inception5b;
    private readonly AuxiliaryClassifier? aux1;
    private readonly AuxiliaryClassifier? aux2;
    private readonly Dropout dropout;
    private readonly Linear fc;

    /// <param name="shape">The images, of 15x15 pixels or more, and how many classes there are.</param>
    /// <param name="hasAuxiliaryClassifiers">Whether it is to be trained, with the two auxiliary classifiers.</param>
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

        // Each line is one of the paper's table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
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

        // Each layer drew weights when it was made. Those of the convolutions and the linear layers are drawn again, as torchvision
        // does; batch normalisation's and the biases have one dimension.
        foreach (var weight in parameters().Where(weight => weight.dim() > 1))
            DrawNormal(weight);
    }

    /// <inheritdoc/>
    /// <remarks>Source: the paper's section 5.</remarks>
    public double AuxiliaryLossWeight => 0.3;

    /// <inheritdoc/>
    public IReadOnlyList<string> AuxiliaryNames { get; } = [nameof(aux1), nameof(aux2)];

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => AfterSecondSide(AfterFirstSide(BeforeSides(x)));

    /// <inheritdoc/>
    public (Tensor Logits, IReadOnlyList<Tensor> AuxiliaryLogits) ForwardWithAuxiliary(Tensor x)
    {
        List<Tensor> auxiliaryLogits = [];
        x = BeforeSides(x);
        if (aux1 is not null)
            auxiliaryLogits.Add(aux1.call(x));
        x = AfterFirstSide(x);
        if (aux2 is not null)
            auxiliaryLogits.Add(aux2.call(x));
        return (AfterSecondSide(x), auxiliaryLogits);
    }

    /// <inheritdoc/>
    public override GraphValue Describe(IGraphBuilder graph, GraphValue x)
    {
        x = Pool(graph.Call(conv1, x));
        x = Pool(graph.Call(conv3, graph.Call(conv2, x)));
        x = Pool(graph.Call(inception3b, graph.Call(inception3a, x)));
        x = graph.Call(inception4c, graph.Call(inception4b, graph.Call(inception4a, x)));
        x = Pool(graph.Call(inception4e, graph.Call(inception4d, x)), kernelSize: 2);
        x = graph.Call(inception5b, graph.Call(inception5a, x));
        return graph.Call(fc, graph.Flatten(graph.GlobalAveragePool(x)));

        GraphValue Pool(GraphValue maps, int kernelSize = 3) => graph.MaxPool(maps, kernelSize, stride: 2, ceilMode: true);
    }

    // Normal, with a deviation of 0.01, between -2 and 2: PyTorch's trunc_normal_. TorchSharp's init has one too, which makes all
    // numbers the same where the limits are that many deviations away.
    private static void DrawNormal(Tensor weight)
    {
        using var noGradient = no_grad();
        using Scalar deviation = 0.01 * Math.Sqrt(2);
        using Scalar lowest = -2;
        using Scalar highest = 2;
        weight.uniform_(-1, 1).erfinv_().mul_(deviation).clamp_(lowest, highest);
    }

    private Tensor BeforeSides(Tensor x)
    {
        x = Pool(conv1.call(x));
        x = Pool(conv3.call(conv2.call(x)));
        x = Pool(inception3b.call(inception3a.call(x)));
        return inception4a.call(x);
    }

    private Tensor AfterFirstSide(Tensor x) => inception4d.call(inception4c.call(inception4b.call(x)));

    private Tensor AfterSecondSide(Tensor x)
    {
        x = Pool(inception4e.call(x), kernelSize: 2);
        x = inception5b.call(inception5a.call(x));
        return fc.call(dropout.call(adaptive_avg_pool2d(x, 1).flatten(start_dim: 1)));
    }

    // A window that reaches over the right or lower edge counts too: 6 rows become 3, not 2.
    private static Tensor Pool(Tensor maps, int kernelSize = 3) => max_pool2d(maps, kernelSize, stride: 2, ceil_mode: true);
}
