using MnistCnn.Networks;
using MnistCnn.OnnxExport;

namespace MnistCnn.Inspection;

/// <summary>Finds layers that have no effect on a network's output. They get no gradient and keep their initial weights.</summary>
internal static class UnusedLayers
{
    /// <summary>Names of the unused layers with weights, in the order of registration; auxiliary classifiers do not count.</summary>
    public static IReadOnlyList<string> Find(Module<Tensor, Tensor> network, NetworkGraph graph)
    {
        HashSet<GraphNode> reached = [];
        Reach(graph.Output);
        var used = reached.Select(node => node.Operation).OfType<Operation.Layer>().Select(layer => (Module)layer.Module).ToHashSet();
        return
        [
            .. from named in Layers.WithWeights(network)
               where !used.Contains(named.Layer) && !Layers.IsAuxiliary(network, named.Name)
               select named.Name,
        ];

        void Reach(GraphNode node)
        {
            if (reached.Add(node))
                foreach (var input in node.Inputs)
                    Reach(input);
        }
    }
}
