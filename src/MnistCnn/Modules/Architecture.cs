using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Modules;

/// <summary>A network that can be chosen by name.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Title">The name in text and plots.</param>
/// <param name="Description">What it is, in one line.</param>
/// <param name="Create">
/// Makes the network with fresh weights from torch's default random generator: images (N, 1, 28, 28) to logits (N, 10).
/// </param>
public sealed record Architecture(string Name, string Title, string Description, Func<Module<Tensor, Tensor>> Create)
{
    /// <summary>All there are. A new architecture is one row here.</summary>
    public static IReadOnlyList<Architecture> All { get; } =
    [
        new("inception", "Inception", "the article's network with two Inception blocks",
            () => new Net(
                new Stage(10, "inceptionA", channels => new InceptionBlock(channels), InceptionBlock.OutChannels),
                new Stage(20, "inceptionB", channels => new InceptionBlock(channels), InceptionBlock.OutChannels))),
        new("residual", "Residual", "the article's network with two Residual blocks",
            () => new Net(
                new Stage(16, "rBlock1", channels => new ResidualBlock(channels), 16),
                new Stage(32, "rBlock2", channels => new ResidualBlock(channels), 32))),
        new("plain", "Plain", "no blocks: where the article's series of networks starts",
            () => new Net(
                new Stage(10, "block1", _ => Identity(), 10),
                new Stage(20, "block2", _ => Identity(), 20))),
    ];

    /// <summary>The name of the architecture that is taken where none is asked for.</summary>
    public const string Default = "residual";

    /// <summary>The names of <see cref="All"/>, for help and messages: "inception, residual, plain".</summary>
    public static string Names { get; } = string.Join(", ", All.Select(architecture => architecture.Name));

    /// <summary>The architecture of that name, whatever its case, or null.</summary>
    public static Architecture? Find(string? name) =>
        All.FirstOrDefault(architecture => string.Equals(architecture.Name, name, StringComparison.OrdinalIgnoreCase));
}
