using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>The parts of a network.</summary>
internal static class Layers
{
    /// <summary>Those with weights of their own, by name, in the order in which they were registered.</summary>
    public static IEnumerable<(string Name, Module<Tensor, Tensor> Layer)> WithWeights(Module<Tensor, Tensor> network) =>
        from named in network.named_modules()
        where named.module.parameters(recurse: false).Any()
        select (named.name, (Module<Tensor, Tensor>)named.module);

    /// <summary>The name of the layer that gives the logits: the last linear one.</summary>
    public static string Last(Module<Tensor, Tensor> network) => network.named_modules().Last(named => named.module is Linear).name;

    /// <summary>Whether a parameter of a network is one of the layer with that name.</summary>
    public static bool IsOf(string layer, string parameter) => parameter.StartsWith(layer + ".", StringComparison.Ordinal);
}
