using MnistCnn.Networks;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Inspection;

/// <summary>What a <see cref="Switch"/> changes.</summary>
internal enum SwitchKind
{
    /// <summary>A branch of a block gives zeros to those that it is joined with.</summary>
    Branch,

    /// <summary>The shortcut around a block adds nothing.</summary>
    Shortcut,

    /// <summary>A Residual block computes what the article's listing prints: its second convolution takes the block's own input.</summary>
    Listing,
}

/// <summary>Something in a network that can be switched, to see what it is there for.</summary>
/// <param name="Kind">What it changes.</param>
/// <param name="Block">The block that it is in; see <see cref="BlockOf"/>.</param>
/// <param name="Wire">What the network then takes instead.</param>
internal sealed record Switch(SwitchKind Kind, string Block, Wire Wire)
{
    /// <summary>All that a network has, in the order in which it computes.</summary>
    /// <param name="network">The network.</param>
    /// <param name="nodes">Its operations, none of them replaced.</param>
    public static IReadOnlyList<Switch> Of(Module<Tensor, Tensor> network, IReadOnlyCollection<TraceNode> nodes)
    {
        var parts = network.named_modules().ToDictionary(named => named.name, named => named.module);
        var byName = nodes.ToDictionary(node => node.Name);
        List<Switch> switches = [];
        foreach (var node in nodes)
        {
            if (node.Operation == "Concat")
                switches.AddRange(node.Inputs.Select((_, input) => new Switch(SwitchKind.Branch, node.Part, new Wire(node.Name, input, null))));
            if (node.Operation != "Add")
                continue;
            var shortcut = Enumerable.Range(0, node.Inputs.Count).MinBy(input => Depth(node.Inputs[input]!, node.Part));
            switches.Add(new Switch(SwitchKind.Shortcut, node.Part, new Wire(node.Name, shortcut, null)));
            var (around, last) = (node.Inputs[shortcut]!, byName[node.Inputs[1 - shortcut]!]);
            if (parts.GetValueOrDefault(node.Part) is ResidualBlock && last.Inputs is [var own] && own != around)
                switches.Add(new Switch(SwitchKind.Listing, node.Part, new Wire(last.Name, 0, around)));
        }

        return switches;

        // How many operations of the block an input has come through; the shortcut comes through the fewest.
        int Depth(string name, string block) => byName[name] is { } node && IsIn(node.Part, block)
            ? 1 + node.Inputs.Max(input => Depth(input!, block))
            : 0;
    }

    /// <summary>The block that each operation is in: the outermost part with a sum or a join of its own. Null where it is in none.</summary>
    public static IReadOnlyDictionary<string, string?> BlockOf(IReadOnlyCollection<TraceNode> nodes)
    {
        string[] blocks =
        [
            .. nodes.Where(node => node.Operation is "Add" or "Concat" && node.Part != "").Select(node => node.Part).Distinct()
                .OrderBy(part => part.Length),
        ];
        return nodes.ToDictionary(node => node.Name, node => blocks.FirstOrDefault(block => IsIn(node.Part, block)));
    }

    private static bool IsIn(string part, string block) => part == block || Layers.IsOf(block, part);
}
