using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>A network that can be chosen by name.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Title">The name in text and plots.</param>
/// <param name="Description">What it is, in one line.</param>
/// <param name="Make">Makes the network for images and classes of that shape; see <see cref="Create"/>.</param>
internal sealed record Architecture(string Name, string Title, string Description, Func<NetworkShape, Module<Tensor, Tensor>> Make)
{
    /// <summary>Makes what is trained, where that is more than what is used afterwards; see <see cref="IHasAuxiliaryClassifiers"/>.</summary>
    public Func<NetworkShape, Module<Tensor, Tensor>>? MakeForTraining { get; init; }

    /// <summary>All there are. A new architecture is one row here.</summary>
    public static IReadOnlyList<Architecture> All { get; } =
    [
        new("inception", "Inception", "the article's network with two Inception blocks",
            shape => new Net(
                shape,
                new Stage(10, "inceptionA", channels => new InceptionBlock(channels), InceptionBlock.OutChannels),
                new Stage(20, "inceptionB", channels => new InceptionBlock(channels), InceptionBlock.OutChannels))),
        new("residual", "Residual", "the article's network with two Residual blocks",
            shape => new Net(
                shape,
                new Stage(16, "rBlock1", channels => new ResidualBlock(channels), 16),
                new Stage(32, "rBlock2", channels => new ResidualBlock(channels), 32))),
        new("residual-as-printed", "Residual as printed", "the same as the article's listing has it: of each block one convolution is unused",
            shape => new Net(
                shape,
                new Stage(16, "rBlock1", channels => new ResidualBlock(channels, asPrinted: true), 16),
                new Stage(32, "rBlock2", channels => new ResidualBlock(channels, asPrinted: true), 32))),
        new("plain", "Plain", "no blocks: where the article's series of networks starts",
            shape => new Net(
                shape,
                new Stage(10, "block1", _ => Identity(), 10),
                new Stage(20, "block2", _ => Identity(), 20))),
        new("resnet18", "ResNet-18", "the residual network of 18 layers", shape => ResNet.OfBasicBlocks(shape, 2, 2, 2, 2)),
        new("resnet34", "ResNet-34", "the residual network of 34 layers", shape => ResNet.OfBasicBlocks(shape, 3, 4, 6, 3)),
        new("resnet50", "ResNet-50", "the residual network of 50 layers", shape => ResNet.OfBottlenecks(shape, 3, 4, 6, 3)),
        new("resnet101", "ResNet-101", "the residual network of 101 layers", shape => ResNet.OfBottlenecks(shape, 3, 4, 23, 3)),
        new("resnet152", "ResNet-152", "the residual network of 152 layers", shape => ResNet.OfBottlenecks(shape, 3, 8, 36, 3)),
        new("plain18", "Plain-18", "resnet18 without its shortcuts", shape => ResNet.WithoutShortcuts(shape, 2, 2, 2, 2)),
        new("plain34", "Plain-34", "resnet34 without its shortcuts", shape => ResNet.WithoutShortcuts(shape, 3, 4, 6, 3)),
        new("resnet20", "ResNet-20", "the paper's residual network for CIFAR-10 of 20 layers", shape => new CifarResNet(shape, blocks: 3)),
        new("resnet32", "ResNet-32", "the paper's residual network for CIFAR-10 of 32 layers", shape => new CifarResNet(shape, blocks: 5)),
        new("resnet44", "ResNet-44", "the paper's residual network for CIFAR-10 of 44 layers", shape => new CifarResNet(shape, blocks: 7)),
        new("resnet56", "ResNet-56", "the paper's residual network for CIFAR-10 of 56 layers", shape => new CifarResNet(shape, blocks: 9)),
        new("resnet110", "ResNet-110", "the paper's residual network for CIFAR-10 of 110 layers", shape => new CifarResNet(shape, blocks: 18)),
        new("plain20", "Plain-20", "resnet20 without its shortcuts", shape => new CifarResNet(shape, blocks: 3, hasShortcuts: false)),
        new("plain32", "Plain-32", "resnet32 without its shortcuts", shape => new CifarResNet(shape, blocks: 5, hasShortcuts: false)),
        new("plain44", "Plain-44", "resnet44 without its shortcuts", shape => new CifarResNet(shape, blocks: 7, hasShortcuts: false)),
        new("plain56", "Plain-56", "resnet56 without its shortcuts", shape => new CifarResNet(shape, blocks: 9, hasShortcuts: false)),
        new("googlenet", "GoogLeNet", "the first network of Inception blocks, of 22 layers", shape => new GoogLeNet(shape, hasAuxiliaryClassifiers: false))
        {
            MakeForTraining = shape => new GoogLeNet(shape, hasAuxiliaryClassifiers: true),
        },
    ];

    /// <summary>The name of the architecture that is taken where none is asked for.</summary>
    public const string Default = "residual";

    /// <summary>The names of <see cref="All"/>, for help and messages: "inception, residual, ...".</summary>
    public static string Names { get; } = string.Join(", ", All.Select(architecture => architecture.Name));

    /// <summary>The architecture that a file names, whatever the case, or null.</summary>
    public static Architecture? Find(string? name) =>
        All.FirstOrDefault(architecture => string.Equals(architecture.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// Makes the network with fresh weights from torch's default random generator: images (N, <c>Channels</c>,
    /// <c>Height</c>, <c>Width</c>) to logits (N, <c>Classes</c>), float32.
    /// </summary>
    /// <param name="shape">Those numbers; MNIST's where it is null.</param>
    /// <exception cref="ArgumentException">The network takes no images as small as that.</exception>
    public Module<Tensor, Tensor> Create(NetworkShape? shape = null) => Make(shape ?? NetworkShape.Mnist);

    /// <summary>Makes the network as <see cref="Create"/> does, with what it has only while it trains: an <see cref="IHasAuxiliaryClassifiers"/> with its auxiliary classifiers.</summary>
    /// <param name="shape">As for <see cref="Create"/>.</param>
    /// <exception cref="ArgumentException">The network takes no images as small as that.</exception>
    public Module<Tensor, Tensor> CreateForTraining(NetworkShape? shape = null) => (MakeForTraining ?? Make)(shape ?? NetworkShape.Mnist);

    /// <summary>
    /// Makes the network without its numbers: the weights have their names, shapes and types, but are on torch's meta device,
    /// which keeps nothing and draws nothing. So the largest network takes no time and no memory.
    /// </summary>
    /// <param name="shape">As for <see cref="Create"/>.</param>
    /// <param name="forTraining">Whether it has what it has only while it trains; see <see cref="CreateForTraining"/>.</param>
    /// <exception cref="ArgumentException">The network takes no images as small as that.</exception>
    /// <remarks>While it is made, meta is the default device of the whole process.</remarks>
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
