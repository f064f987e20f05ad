using MnistCnn.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Inspection;

/// <summary>
/// Finds the layers that a network's output does not depend on. Such a layer gets no gradient: it stays as it was made. Each value of
/// the network's own description is kept with the layers that it is made of; what stands in none of those of the last value is unused.
/// </summary>
internal sealed class UnusedLayers : IGraphBuilder
{
    private readonly Dictionary<GraphValue, HashSet<Module>> layersOf = [];
    private bool isDescribed = true;

    private UnusedLayers()
    {
    }

    /// <summary>The names of those with weights, in the order in which they were registered; auxiliary classifiers are not among them.</summary>
    /// <param name="network">Images to logits.</param>
    /// <returns>Their names, or null where a part of the network does not say what it computes.</returns>
    public static IReadOnlyList<string>? Of(Module<Tensor, Tensor> network)
    {
        var graph = new UnusedLayers();
        var used = graph.layersOf[graph.Call(network, graph.Value([]))];
        return graph.isDescribed
            ? [.. Layers.WithWeights(network).Where(named => !used.Contains(named.Layer) && !Layers.IsAuxiliary(network, named.Name)).Select(named => named.Name)]
            : null;
    }

    /// <inheritdoc/>
    public GraphValue Call(Module<Tensor, Tensor> part, GraphValue x)
    {
        if (Layers.Describe(this, part, x) is { } y)
            return y;
        isDescribed = false;
        return x;
    }

    /// <inheritdoc/>
    public GraphValue Convolution(Conv2d layer, GraphValue x) => Value([x], layer);

    /// <inheritdoc/>
    public GraphValue BatchNormalization(BatchNorm2d layer, GraphValue x) => Value([x], layer);

    /// <inheritdoc/>
    public GraphValue Linear(Linear layer, GraphValue x) => Value([x], layer);

    /// <inheritdoc/>
    public GraphValue Identity(GraphValue x) => x;

    /// <inheritdoc/>
    public GraphValue Relu(GraphValue x) => x;

    /// <inheritdoc/>
    public GraphValue MaxPool(GraphValue x, int kernelSize, int? stride = null, int padding = 0, bool ceilMode = false) => x;

    /// <inheritdoc/>
    public GraphValue AveragePool(GraphValue x, int kernelSize, int? stride = null, int padding = 0) => x;

    /// <inheritdoc/>
    public GraphValue GlobalAveragePool(GraphValue x) => x;

    /// <inheritdoc/>
    public GraphValue Concatenate(params IReadOnlyList<GraphValue> values) => Value(values);

    /// <inheritdoc/>
    public GraphValue PadChannels(GraphValue x, int count) => x;

    /// <inheritdoc/>
    public GraphValue Add(GraphValue x, GraphValue y) => Value([x, y]);

    /// <inheritdoc/>
    public GraphValue Flatten(GraphValue x) => x;

    private GraphValue Value(IReadOnlyList<GraphValue> inputs, params Module[] layers)
    {
        var value = new GraphValue($"{layersOf.Count}");
        layersOf.Add(value, [.. inputs.SelectMany(input => layersOf[input]), .. layers]);
        return value;
    }
}
