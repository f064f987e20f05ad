using MnistCnn.Networks;
using MnistCnn.OnnxExport;
using MnistCnn.Runtime;
using ExternalException = System.Runtime.InteropServices.ExternalException;

namespace MnistCnn.Inspection;

/// <summary>Layers, parameters and costs of a network. docs/reference/json-output.md explains the other fields.</summary>
/// <param name="MultiplyAdds">
/// Multiplications with a weight of a convolution or a linear layer, each with its addition, for the whole batch. As in the tables of
/// papers, biases, batch normalization, activations, pooling and shortcuts do not count.
/// </param>
/// <param name="TrainingMultiplyAdds">
/// Multiply-adds of a training step, with auxiliary classifiers: the forward pass, the gradient of the weights, and the gradient of each
/// layer's input except the image.
/// </param>
/// <param name="ReceptiveField">Null if the network cannot be traced.</param>
/// <param name="UnusedLayers">Layers with weights that have no effect on the output; null if the network cannot be traced.</param>
internal sealed record NetworkSummary(
    IReadOnlyList<LayerSummary> Layers,
    long Parameters,
    long AuxiliaryParameters,
    long MultiplyAdds,
    long TrainingMultiplyAdds,
    long WeightBytes,
    long ActivationBytes,
    ReceptiveField? ReceptiveField,
    IReadOnlyList<string>? UnusedLayers)
{
    private const int BytesOfFloat = 4;

    /// <summary>Runs the network's forward pass on the meta device, with an empty batch, and counts at each layer.</summary>
    /// <exception cref="UserException">The network does not take such images, or the counts overflow.</exception>
    public static NetworkSummary Summarize(Architecture architecture, NetworkShape shape, int batchSize = 1)
    {
        try
        {
            return Count(architecture, shape, batchSize);
        }
        catch (ArgumentException error)
        {
            throw new UserException(error.Message, error);
        }
        catch (Exception error) when (error is OverflowException or ExternalException)
        {
            throw new UserException(
                $"{architecture.Name} cannot be summarized for {batchSize} x {shape.Input} and "
                + $"{shape.Classes} classes: {error.Message.Split('\n')[0]}",
                error);
        }
    }

    private static NetworkSummary Count(Architecture architecture, NetworkShape shape, int batchSize)
    {
        using var scope = NewDisposeScope();
        using var network = architecture.CreateOnMeta(shape, forTraining: true);
        network.eval();
        var graph = TryTrace(network);
        List<LayerSummary> layers = [];
        var trainingMultiplyAdds = 0L;
        Networks.Layers.AcceptEmptyBatch(network);
        foreach (var (name, layer) in Networks.Layers.WithWeights(network))
            layer.register_forward_hook((_, x, y) =>
            {
                var outputShape = y.shape[1..];
                var parameters = layer.parameters(recurse: false).Sum(parameter => parameter.numel());
                var multiplyAdds = checked(batchSize * Product(outputShape) * MultiplyAddsPerOutput(layer));
                layers.Add(new LayerSummary(name, layer.GetType().Name, outputShape, parameters, multiplyAdds));

                // Only values that depend on a layer's output require a gradient; the image does not.
                trainingMultiplyAdds = checked(trainingMultiplyAdds + (x.requires_grad ? 3 : 2) * multiplyAdds);
                return y;
            });

        var images = empty(0, shape.Channels, shape.Height, shape.Width);
        _ = network is IHasAuxiliaryClassifiers classified ? classified.ForwardWithAuxiliary(images).Logits : network.call(images);
        layers.RemoveAll(layer => Networks.Layers.IsAuxiliary(network, layer.Name));
        var weights = Networks.Layers.WithoutAuxiliary(network, network.state_dict()).Values;
        return new NetworkSummary(
            layers,
            Parameters: Networks.Layers.ParameterCount(network),
            AuxiliaryParameters: Networks.Layers.AuxiliaryParameterCount(network),
            MultiplyAdds: layers.Sum(layer => layer.MultiplyAdds),
            TrainingMultiplyAdds: trainingMultiplyAdds,
            WeightBytes: weights.Sum(tensor => tensor.numel() * tensor.element_size()),
            ActivationBytes: layers.Sum(layer => checked(batchSize * Product(layer.OutputShape) * BytesOfFloat)),
            graph is null ? null : Inspection.ReceptiveField.Compute(graph),
            graph is null ? null : FindUnusedLayers(network, graph.Output));
    }

    private static NetworkGraph? TryTrace(Module<Tensor, Tensor> network)
    {
        try
        {
            return NetworkGraph.Trace(network);
        }
        catch (NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Names of layers with weights, except auxiliary classifiers, that have no effect on the output and no gradient.</summary>
    public static IReadOnlyList<string> FindUnusedLayers(Module<Tensor, Tensor> network, GraphNode output)
    {
        HashSet<GraphNode> reached = [];
        Reach(output);
        var used = reached.Select(node => node.Operation).OfType<Operation.Layer>().Select(layer => (Module)layer.Module).ToHashSet();
        return
        [
            .. from named in Networks.Layers.WithWeights(network)
               where !used.Contains(named.Layer) && !Networks.Layers.IsAuxiliary(network, named.Name)
               select named.Name,
        ];

        void Reach(GraphNode node)
        {
            if (reached.Add(node))
                foreach (var input in node.Inputs)
                    Reach(input);
        }
    }

    private static long MultiplyAddsPerOutput(Module layer) => layer switch
    {
        Conv2d convolution => convolution.weight.numel() / convolution.out_channels,
        Linear linear => linear.in_features,
        _ => 0,
    };

    private static long Product(IEnumerable<long> shape) => shape.Aggregate(1L, (product, length) => checked(product * length));
}

/// <param name="Kind"><c>Conv2d</c>, <c>BatchNorm2d</c> or <c>Linear</c>.</param>
/// <param name="MultiplyAdds">Multiply-adds for the whole batch.</param>
internal sealed record LayerSummary(string Name, string Kind, IReadOnlyList<long> OutputShape, long Parameters, long MultiplyAdds);
