using MnistCnn.Networks;
using MnistCnn.OnnxExport;

namespace MnistCnn.Inspection;

internal enum AblationKind
{
    /// <summary>A branch of a block outputs zeros.</summary>
    Branch,

    /// <summary>The shortcut around a block adds zeros.</summary>
    Shortcut,

    /// <summary>A <see cref="ResidualBlock"/> computes the article's listing: its second convolution reads the block's input.</summary>
    Listing,
}

/// <summary>A change of one block of a network that shows the effect of a part of it.</summary>
/// <param name="Block">Name of the module; see <see cref="BlockOf"/>.</param>
internal sealed record Ablation(AblationKind Kind, string Block, InputOverride Override)
{
    /// <summary>Finds all ablations of a network, in the order of its operations.</summary>
    /// <param name="nodes">The network's operations, without overrides.</param>
    public static IReadOnlyList<Ablation> Find(Module<Tensor, Tensor> network, IReadOnlyCollection<TraceNode> nodes)
    {
        var modules = network.named_modules().ToDictionary(named => named.name, named => named.module);
        List<Ablation> ablations = [];
        foreach (var node in nodes.Select(node => node.Node))
        {
            if (node.Operation is Operation.Concat)
                for (var branch = 0; branch < node.Inputs.Count; branch++)
                    ablations.Add(new Ablation(AblationKind.Branch, node.Module, new InputOverride(node.Name, branch, null)));
            if (node.Operation is not Operation.Add)
                continue;
            var shortcut = Enumerable.Range(0, node.Inputs.Count).MinBy(input => Depth(node.Inputs[input], node.Module));
            ablations.Add(new Ablation(AblationKind.Shortcut, node.Module, new InputOverride(node.Name, shortcut, null)));
            var (blockInput, lastLayer) = (node.Inputs[shortcut], node.Inputs[1 - shortcut]);
            if (modules.GetValueOrDefault(node.Module) is ResidualBlock && lastLayer.Inputs is [var input] && input != blockInput)
                ablations.Add(new Ablation(AblationKind.Listing, node.Module, new InputOverride(lastLayer.Name, 0, blockInput.Name)));
        }

        return ablations;

        // Number of the block's operations before a value. The shortcut has the fewest.
        static int Depth(GraphNode node, string block) =>
            IsInBlock(node.Module, block) ? 1 + node.Inputs.Max(input => Depth(input, block)) : 0;
    }

    /// <summary>Returns the name of the last layer of a branch, without its block: "branch5x5_2".</summary>
    public string BranchName(ActivationTrace trace) => trace[Override.Node].Node.Inputs[Override.Input].Module.Split('.')[^1];

    /// <summary>Maps each operation to its block: the outermost module with an addition or concatenation of its own, or null.</summary>
    public static IReadOnlyDictionary<string, string?> BlockOf(IReadOnlyCollection<TraceNode> nodes)
    {
        string[] blocks =
        [
            .. nodes.Where(node => node.Operation is "Add" or "Concat" && node.Module != "").Select(node => node.Module).Distinct()
                .OrderBy(module => module.Length),
        ];
        return nodes.ToDictionary(node => node.Name, node => blocks.FirstOrDefault(block => IsInBlock(node.Module, block)));
    }

    private static bool IsInBlock(string module, string block) => module == block || Layers.IsInside(block, module);
}
