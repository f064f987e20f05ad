namespace MnistCnn.Networks;

/// <summary>A kind of network that users choose by name.</summary>
/// <param name="Name">Name on the command line and in metadata.</param>
/// <param name="Title">Name in text and plots.</param>
/// <param name="Description">One line for help and ONNX files.</param>
/// <param name="Make">Creates the network; see <see cref="Create"/>.</param>
internal sealed record Architecture(string Name, string Title, string Description, Func<NetworkShape, Module<Tensor, Tensor>> Make)
{
    /// <summary>Creates the network with its auxiliary classifiers, if it has any; see <see cref="CreateForTraining"/>.</summary>
    public Func<NetworkShape, Module<Tensor, Tensor>>? MakeForTraining { get; init; }

    /// <summary>The bundled networks. A new one is a row here.</summary>
    public static IReadOnlyList<Architecture> All { get; } =
    [
        new("inception", "Inception", "the article's network with two Inception blocks",
            shape => new Net(
                shape,
                new ConvStage(10, "inceptionA", channels => new InceptionBlock(channels), InceptionBlock.OutChannels),
                new ConvStage(20, "inceptionB", channels => new InceptionBlock(channels), InceptionBlock.OutChannels))),
        new("residual", "Residual", "the article's network with two Residual blocks",
            shape => new Net(
                shape,
                new ConvStage(16, "rBlock1", channels => new ResidualBlock(channels), 16),
                new ConvStage(32, "rBlock2", channels => new ResidualBlock(channels), 32))),
        new("residual-as-printed", "Residual as printed", "the network of the article's listing: one convolution of each block is unused",
            shape => new Net(
                shape,
                new ConvStage(16, "rBlock1", channels => new ResidualBlock(channels, asPrinted: true), 16),
                new ConvStage(32, "rBlock2", channels => new ResidualBlock(channels, asPrinted: true), 32))),
        new("plain", "Plain", "the article's network without blocks",
            shape => new Net(
                shape,
                new ConvStage(10, "block1", _ => Identity(), 10),
                new ConvStage(20, "block2", _ => Identity(), 20))),
        new("resnet18", "ResNet-18", "the residual network with 18 layers", shape => new ResNet(shape, [2, 2, 2, 2])),
        new("resnet34", "ResNet-34", "the residual network with 34 layers", shape => new ResNet(shape, [3, 4, 6, 3])),
        new("resnet50", "ResNet-50", "the residual network with 50 layers",
            shape => new ResNet(shape, [3, 4, 6, 3], hasBottlenecks: true)),
        new("resnet101", "ResNet-101", "the residual network with 101 layers",
            shape => new ResNet(shape, [3, 4, 23, 3], hasBottlenecks: true)),
        new("resnet152", "ResNet-152", "the residual network with 152 layers",
            shape => new ResNet(shape, [3, 8, 36, 3], hasBottlenecks: true)),
        new("plain18", "Plain-18", "resnet18 without its shortcuts", shape => new ResNet(shape, [2, 2, 2, 2], hasShortcuts: false)),
        new("plain34", "Plain-34", "resnet34 without its shortcuts", shape => new ResNet(shape, [3, 4, 6, 3], hasShortcuts: false)),
        new("resnet20", "ResNet-20", "the residual network for CIFAR-10 with 20 layers", shape => new CifarResNet(shape, blocks: 3)),
        new("resnet32", "ResNet-32", "the residual network for CIFAR-10 with 32 layers", shape => new CifarResNet(shape, blocks: 5)),
        new("resnet44", "ResNet-44", "the residual network for CIFAR-10 with 44 layers", shape => new CifarResNet(shape, blocks: 7)),
        new("resnet56", "ResNet-56", "the residual network for CIFAR-10 with 56 layers", shape => new CifarResNet(shape, blocks: 9)),
        new("resnet110", "ResNet-110", "the residual network for CIFAR-10 with 110 layers", shape => new CifarResNet(shape, blocks: 18)),
        new("plain20", "Plain-20", "resnet20 without its shortcuts", shape => new CifarResNet(shape, blocks: 3, hasShortcuts: false)),
        new("plain32", "Plain-32", "resnet32 without its shortcuts", shape => new CifarResNet(shape, blocks: 5, hasShortcuts: false)),
        new("plain44", "Plain-44", "resnet44 without its shortcuts", shape => new CifarResNet(shape, blocks: 7, hasShortcuts: false)),
        new("plain56", "Plain-56", "resnet56 without its shortcuts", shape => new CifarResNet(shape, blocks: 9, hasShortcuts: false)),
        new("googlenet", "GoogLeNet", "the first network with Inception blocks, with 22 layers",
            shape => new GoogLeNet(shape, hasAuxiliaryClassifiers: false))
        {
            MakeForTraining = shape => new GoogLeNet(shape, hasAuxiliaryClassifiers: true),
        },
    ];

    /// <summary>The architecture of commands and settings that name none.</summary>
    public static Architecture Default { get; } = Find("residual")!;

    /// <summary>The names of <see cref="All"/>, for help and messages: "inception, residual, ...".</summary>
    public static string Names { get; } = string.Join(", ", All.Select(architecture => architecture.Name));

    /// <summary>Finds a bundled network by name, ignoring case; null if there is none.</summary>
    public static Architecture? Find(string? name) =>
        All.FirstOrDefault(architecture => string.Equals(architecture.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// Creates the network with initial weights from torch's default generator. It maps normalized images (N, C, H, W) to logits
    /// (N, classes), float32.
    /// </summary>
    /// <param name="shape">Images and classes; null for MNIST's.</param>
    /// <exception cref="ArgumentException">The images are too small for the network.</exception>
    public Module<Tensor, Tensor> Create(NetworkShape? shape = null) => Make(shape ?? NetworkShape.Mnist);

    /// <summary>As <see cref="Create"/>, with the auxiliary classifiers of an <see cref="IHasAuxiliaryClassifiers"/>.</summary>
    public Module<Tensor, Tensor> CreateForTraining(NetworkShape? shape = null) =>
        (MakeForTraining ?? Make)(shape ?? NetworkShape.Mnist);

    /// <summary>
    /// Creates the network on torch's meta device: its tensors have names, shapes and types, but no values. This takes no memory and no
    /// random numbers, even for the largest network. During the call, meta is the default device of the whole process.
    /// </summary>
    /// <param name="forTraining">As <see cref="CreateForTraining"/> instead of <see cref="Create"/>.</param>
    public Module<Tensor, Tensor> CreateOnMeta(NetworkShape? shape = null, bool forTraining = false)
    {
        var device = get_default_device();
        set_default_device(META);
        try
        {
            return forTraining ? CreateForTraining(shape) : Create(shape);
        }
        finally
        {
            set_default_device(device);
        }
    }
}
