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

    /// <summary>Whether a network has a part of a kind.</summary>
    public static bool Has<TLayer>(Module<Tensor, Tensor> network) => network.modules().Any(module => module is TLayer);

    /// <summary>The name of the layer that gives the logits: the last linear one that is not of a auxiliary classifier.</summary>
    public static string Last(Module<Tensor, Tensor> network) =>
        network.named_modules().Last(named => named.module is Linear && !IsAuxiliary(network, named.name)).name;

    /// <summary>Whether a parameter of a network is one of the layer with that name.</summary>
    public static bool IsOf(string layer, string parameter) => parameter.StartsWith(layer + ".", StringComparison.Ordinal);

    /// <summary>Whether a part or a tensor of a network is of a auxiliary classifier, which it has only while it trains; see <see cref="IHasAuxiliaryClassifiers"/>.</summary>
    public static bool IsAuxiliary(Module<Tensor, Tensor> network, string name) =>
        network is IHasAuxiliaryClassifiers classified && classified.AuxiliaryNames.Any(side => IsOf(side, name));

    /// <summary>What a network has without its auxiliary classifiers, or what a file holds for it: tensors by name.</summary>
    public static Dictionary<string, Tensor> WithoutAuxiliary(Module<Tensor, Tensor> network, IReadOnlyDictionary<string, Tensor> tensors) =>
        tensors.Where(tensor => !IsAuxiliary(network, tensor.Key)).ToDictionary();

    /// <summary>Tells a graph what a part makes of a value: one that can say so itself, or a layer of torch's own.</summary>
    /// <returns>What comes out, or null where the part is neither.</returns>
    public static GraphValue? Describe(IGraphBuilder graph, Module<Tensor, Tensor> part, GraphValue x) => part switch
    {
        IDescribed described => described.Describe(graph, x),
        Conv2d convolution => graph.Convolution(convolution, x),
        BatchNorm2d normalization => graph.BatchNormalization(normalization, x),
        Linear linear => graph.Linear(linear, x),
        TorchSharp.Modules.Identity => graph.Identity(x),
        Sequential parts => parts.children().Cast<Module<Tensor, Tensor>>().Aggregate(x, (value, next) => graph.Call(next, value)),
        _ => null,
    };
}
