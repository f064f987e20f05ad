using System.Runtime.InteropServices;

namespace MnistCnn.OnnxExport;

/// <summary>One dimension of a value.</summary>
/// <param name="Size">Size for the example input.</param>
/// <param name="IsDynamic">The size depends on the input's dynamic axes.</param>
internal readonly record struct Axis(long Size, bool IsDynamic);

/// <summary>
/// Shapes of all values of a graph. The graph runs twice on zeros, with two sizes of the dynamic axes: dimensions that differ are dynamic.
/// </summary>
internal sealed class GraphShapes
{
    private readonly Dictionary<GraphNode, Axis[]> shapes;

    private GraphShapes(Dictionary<GraphNode, Axis[]> shapes) => this.shapes = shapes;

    public Axis[] this[GraphNode node] => shapes[node];

    /// <param name="module">The module of the graph, in evaluation mode.</param>
    /// <param name="dynamicAxes">Dynamic axes of the input.</param>
    /// <exception cref="ArgumentException">The module does not take this shape, or another size of a dynamic axis.</exception>
    public static GraphShapes Measure(NetworkGraph graph, Module module, long[] inputShape, IEnumerable<int> dynamicAxes)
    {
        // One more image, and images of twice the size, whose halves and quarters are whole too.
        var other = inputShape.ToArray();
        foreach (var axis in dynamicAxes)
            other[axis] = axis == 0 ? other[axis] + 1 : 2 * other[axis];

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var device = module.parameters().Select(parameter => parameter.device).FirstOrDefault(CPU);
        var first = Run(graph, inputShape, device, "");
        var second = Run(graph, other, device, ", although the dynamic axes include it");
        return new GraphShapes(graph.Nodes.ToDictionary(
            node => node,
            node => first[node].Zip(second[node], (size, otherSize) => new Axis(size, size != otherSize)).ToArray(),
            (IEqualityComparer<GraphNode>)ReferenceEqualityComparer.Instance));
    }

    private static Dictionary<GraphNode, long[]> Run(NetworkGraph graph, long[] inputShape, Device device, string remark)
    {
        var uses = graph.Nodes.SelectMany(node => node.Inputs).CountBy(node => node).ToDictionary();
        Dictionary<GraphNode, Tensor> values = [];
        Dictionary<GraphNode, long[]> shapes = [];
        foreach (var node in graph.Nodes)
        {
            var value = node.Inputs.Count == 0
                ? zeros(inputShape, ScalarType.Float32, device)
                : Compute(node, [.. node.Inputs.Select(input => values[input])], inputShape, remark);
            values.Add(node, value);
            shapes.Add(node, value.shape);

            // Values that no later node reads are freed, because a large network has many.
            foreach (var input in node.Inputs.Where(input => --CollectionsMarshal.GetValueRefOrNullRef(uses, input) == 0))
                if (!values.Any(other => other.Key != input && ReferenceEquals(other.Value, values[input])))
                    values[input].Dispose();
        }

        return shapes;
    }

    private static Tensor Compute(GraphNode node, Tensor[] inputs, long[] inputShape, string remark)
    {
        try
        {
            return node.Operation.Compute(inputs);
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or ExternalException)
        {
            throw new ArgumentException(
                $"The module does not take an input of shape [{string.Join(", ", inputShape)}]{remark}: '{node.Name}' fails with "
                + $"\"{error.Message.Split('\n')[0]}\".",
                nameof(inputShape),
                error);
        }
    }
}
