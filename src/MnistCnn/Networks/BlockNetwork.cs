using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>What networks that are made of many blocks have in common.</summary>
/// <param name="name">The name of the module.</param>
internal abstract class BlockNetwork(string name) : Module<Tensor, Tensor>(name), IDescribed
{
    /// <inheritdoc/>
    public abstract GraphValue Describe(IGraphBuilder graph, GraphValue x);

    /// <inheritdoc/>
    /// <remarks>In PyTorch's order; TorchSharp's has all parameters first, and then all running means and variances.</remarks>
    public override Dictionary<string, Tensor> state_dict(
        Dictionary<string, Tensor>? destination = null, string? prefix = null)
    {
        destination ??= [];
        var layers = base.state_dict(prefix: prefix).GroupBy(entry => entry.Key[..entry.Key.LastIndexOf('.')]);
        foreach (var (name, tensor) in layers.SelectMany(layer => layer))
            destination.Add(name, tensor);
        return destination;
    }

    /// <summary>Blocks one behind the other, called 0, 1 and so on.</summary>
    /// <param name="count">How many.</param>
    /// <param name="block">Makes the block of that number.</param>
    protected static Sequential Blocks(int count, Func<int, Module<Tensor, Tensor>> block)
    {
        var blocks = Sequential();
        for (var index = 0; index < count; index++)
            blocks.append($"{index}", block(index));
        return blocks;
    }

    /// <summary>
    /// Each layer drew weights when it was made. Those of the convolutions are drawn again, as torchvision does for its residual
    /// networks, after K. He et al., "Delving Deep into Rectifiers", 2015; apply visits them in the order of their names.
    /// </summary>
    protected void DrawConvolutions() => apply(module =>
    {
        if (module is Conv2d convolution)
            init.kaiming_normal_(convolution.weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
    });
}
