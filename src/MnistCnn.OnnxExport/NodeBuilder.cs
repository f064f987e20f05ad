using Onnx;

namespace MnistCnn.OnnxExport;

/// <summary>Adds the ONNX nodes of one layer. The last node that is added computes the layer's output.</summary>
internal sealed class NodeBuilder(OnnxGraph graph, GraphNode node, IReadOnlyList<string> inputs, GraphShapes? shapes)
{
    /// <summary>Name of the layer's input.</summary>
    public string Input => inputs[0];

    public Axis[] InputShape => Shapes[node.Inputs[0]];

    public Axis[] OutputShape => Shapes[node];

    public int Rank => InputShape.Length;

    /// <summary>Whether the input has <paramref name="rank"/> dimensions; true if the shapes are unknown.</summary>
    public bool HasRank(int rank) => shapes is null || Rank == rank;

    public int Opset => graph.Opset;

    private Module Layer => ((Operation.Layer)node.Operation).Module;

    private GraphShapes Shapes => shapes ?? throw Unsupported("needs the shape of its input");

    /// <param name="problem">The predicate of a sentence about the layer.</param>
    public NotSupportedException Unsupported(string problem) =>
        new($"{NetworkGraph.Describe(node.Module)}, a {Layer.GetType().Name}, cannot be exported: it {problem}.");

    /// <exception cref="NotSupportedException">The input has another number of dimensions.</exception>
    public void RequireRank(int rank)
    {
        if (!HasRank(rank))
            throw Unsupported($"gets an input of {Rank} dimensions, and ONNX needs {rank}, with the batch first");
    }

    /// <exception cref="NotSupportedException">The dimension is dynamic.</exception>
    public long StaticSize(int axis) => !InputShape[axis].IsDynamic
        ? InputShape[axis].Size
        : throw Unsupported($"needs a fixed size of its input's axis {axis}, which is dynamic");

    public string Add(string operation, IReadOnlyList<string> inputs, params AttributeProto[] attributes) =>
        graph.AddNode($"{node.Name}/{operation}", operation, inputs, attributes);

    /// <summary>Takes elements of <paramref name="x"/> if the condition is true, and of <paramref name="y"/> otherwise.</summary>
    public string Where(string condition, string x, string y) => Add(nameof(Where), [condition, x, y]);

    public string Weight(string name, Tensor weight) => graph.AddWeight(NameOf(name), Layer, weight);

    /// <summary>The layer's weight, or as many equal values if it has none.</summary>
    public string WeightOr(string name, Tensor? weight, long count, float value) =>
        weight is not null ? Weight(name, weight) : Floats(name, [count], [.. Enumerable.Repeat(value, (int)count)]);

    /// <summary>A scalar.</summary>
    public string Number(double value) => Floats("constant", [], [(float)value]);

    public string Floats(string name, long[] shape, float[] values) => graph.AddFloats(NameOf(name), shape, values);

    public string Integers(string name, params long[] values) => graph.AddIntegers(NameOf(name), values);

    /// <summary>Gives the input the shape of the output.</summary>
    public string ReshapeToOutput(string input) => Reshape(input, OutputShape);

    public string Reshape(string input, Axis[] shape)
    {
        // In a shape of ONNX, 0 is the size of the input's dimension in the same place, and -1 is the rest.
        var kept = shape.TakeWhile((axis, index) => index < Rank && axis == InputShape[index]).Count();
        var sizes = shape.Select((axis, index) => !axis.IsDynamic ? axis.Size : index < kept ? 0 : -1).ToArray();
        if (sizes.Count(size => size == -1) > 1)
            throw Unsupported("reshapes two dynamic axes");
        return Add("Reshape", [input, Integers("shape", sizes)]);
    }

    /// <summary>Gives a value the shape of another.</summary>
    public string ReshapeLike(string value, string other) => Add("Reshape", [value, Add("Shape", [other])]);

    public string Slice(string value, int axis, long start, long end) =>
        Add("Slice", [value, Integers("starts", start), Integers("ends", end), Integers("axes", axis)]);

    /// <param name="begin">Padding before each spatial dimension.</param>
    /// <param name="end">Padding after each spatial dimension.</param>
    /// <param name="value">Value of constant padding.</param>
    public string Pad(string input, long[] begin, long[] end, PaddingModes mode, double value = 0)
    {
        long[] others = new long[2]; // batch and channels
        var pads = new[] { others, begin, others, end }.SelectMany(sizes => sizes).ToArray();
        return mode switch
        {
            PaddingModes.Circular => PadCircular(input, begin, end),
            _ when mode is (PaddingModes.Reflect or PaddingModes.Replicate) && pads.Any(size => size < 0) =>
                throw Unsupported("has negative padding"),
            PaddingModes.Reflect or PaddingModes.Replicate => Add(
                "Pad",
                [input, Integers("pads", pads)],
                OnnxAttribute.Text("mode", mode == PaddingModes.Reflect ? "reflect" : "edge")),
            _ => Add("Pad", [input, Integers("pads", pads), Number(value)]),
        };
    }

    // ONNX has this mode only from opset 19 on.
    private string PadCircular(string input, long[] begin, long[] end)
    {
        for (var axis = 0; axis < begin.Length; axis++)
        {
            string[] parts =
            [
                .. begin[axis] > 0 ? [Slice(input, axis + 2, -begin[axis], long.MaxValue)] : (string[])[],
                input,
                .. end[axis] > 0 ? [Slice(input, axis + 2, 0, end[axis])] : (string[])[],
            ];
            if (parts.Length > 1)
                input = Add("Concat", parts, OnnxAttribute.Integer("axis", axis + 2));
        }

        return input;
    }

    private string NameOf(string weight) => $"{node.Module}.{weight}".TrimStart('.');
}
