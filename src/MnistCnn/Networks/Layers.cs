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
}
