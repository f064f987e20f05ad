namespace MnistCnn.Networks;

/// <summary>Finds modules and tensors of a network by kind and by name.</summary>
internal static class Layers
{
    /// <summary>Modules with parameters of their own, in the order of registration.</summary>
    public static IEnumerable<(string Name, Module<Tensor, Tensor> Layer)> WithWeights(Module<Tensor, Tensor> network) =>
        from named in network.named_modules()
        where named.module.parameters(recurse: false).Any()
        select (named.name, (Module<Tensor, Tensor>)named.module);

    /// <summary>Lets a network on the meta device, which lacks some operations, take and return an empty batch on the CPU.</summary>
    public static void AcceptEmptyBatch(Module<Tensor, Tensor> network)
    {
        foreach (var (_, layer) in WithWeights(network))
        {
            layer.register_forward_pre_hook((_, x) => x.to(META));
            layer.register_forward_hook((_, _, y) => empty(y.shape, requires_grad: true));
        }
    }

    public static bool Has<TLayer>(Module<Tensor, Tensor> network) => network.modules().Any(module => module is TLayer);

    /// <summary>Name of the layer that outputs the logits: the last linear layer outside auxiliary classifiers.</summary>
    public static string ClassifierName(Module<Tensor, Tensor> network) =>
        network.named_modules().Last(named => named.module is Linear && !IsAuxiliary(network, named.name)).name;

    /// <summary>
    /// The end of a network that computes logits (N, classes) from features (N, F): the last linear layer, after a dropout that is
    /// registered directly before it. Null if there is another dropout, which makes the features random.
    /// </summary>
    public static (Dropout? Dropout, Linear Classifier)? FindHead(Module<Tensor, Tensor> network)
    {
        var layers = network.named_modules().Where(named => !IsAuxiliary(network, named.name)).ToList();
        var last = layers.FindLastIndex(named => named.module is Linear);
        var dropout = last > 0 ? layers[last - 1].module as Dropout : null;
        return layers.Select(named => named.module).OfType<Dropout>().All(other => other == dropout)
            ? (dropout, (Linear)layers[last].module)
            : null;
    }

    /// <summary>Whether the parameter or module <paramref name="name"/> is inside the module <paramref name="module"/>.</summary>
    public static bool IsInside(string module, string name) => name.StartsWith(module + ".", StringComparison.Ordinal);

    /// <summary>Whether a module or tensor belongs to an auxiliary classifier; see <see cref="IHasAuxiliaryClassifiers"/>.</summary>
    public static bool IsAuxiliary(Module<Tensor, Tensor> network, string name) =>
        network is IHasAuxiliaryClassifiers classified && classified.AuxiliaryNames.Any(auxiliary => IsInside(auxiliary, name));

    /// <summary>Filters a state dictionary of the network: removes the tensors of auxiliary classifiers.</summary>
    public static Dictionary<string, Tensor> WithoutAuxiliary(
        Module<Tensor, Tensor> network, IReadOnlyDictionary<string, Tensor> tensors) =>
        tensors.Where(tensor => !IsAuxiliary(network, tensor.Key)).ToDictionary();

    /// <summary>Number of parameters, without auxiliary classifiers.</summary>
    public static long ParameterCount(Module<Tensor, Tensor> network) =>
        network.parameters().Sum(parameter => parameter.numel()) - AuxiliaryParameterCount(network);

    public static long AuxiliaryParameterCount(Module<Tensor, Tensor> network) =>
        network.named_parameters().Where(named => IsAuxiliary(network, named.name)).Sum(named => named.parameter.numel());
}
