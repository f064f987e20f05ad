using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Onnx;
using static System.FormattableString;
using ElementType = Onnx.TensorProto.Types.DataType;

namespace MnistCnn.OnnxExport;

/// <summary>
/// A chain of ONNX nodes and their weights. Weights have their names in the state dictionary, <c>inceptionA.branch5x5_1.weight</c>, and
/// unused ones are left out. The output of a node has the node's name.
/// </summary>
/// <remarks>Source: https://onnx.ai/onnx/operators. The operators have the same meaning in all opsets from 13 to 17.</remarks>
internal sealed class OnnxGraph(string inputName, int opset = OnnxGraph.FirstOpset)
{
    public const int FirstOpset = 13;
    public const int LastOpset = 17;

    // A protocol buffer is smaller than 2 GiB. Everything in the file except the weights takes far less than 1 MiB.
    private const long MaxWeightBytes = int.MaxValue - (1 << 20);

    private readonly HashSet<string> nodeNames = [];
    private readonly Dictionary<string, object?> initializerOwners = [];

    public GraphProto Proto { get; } = new();

    public int Opset => opset;

    /// <summary>Version of the file format in the first release of ONNX with the opset: 1.8 for 13, 1.10 for 15.</summary>
    public int IrVersion => opset < 15 ? 7 : 8;

    /// <summary>Name of the last node's output.</summary>
    public string Output { get; private set; } = inputName;

    /// <summary>True if the images must have one size because a linear layer reads all pixels of the feature maps.</summary>
    public bool HasFixedSize { get; private set; }

    /// <param name="name">Subject of the message.</param>
    /// <exception cref="NotSupportedException">The weights are too large for an ONNX file.</exception>
    public static void EnsureFits(Module module, string name)
    {
        var bytes = module.state_dict().Values.Sum(tensor => tensor.numel() * tensor.element_size());
        if (bytes > MaxWeightBytes)
            throw new NotSupportedException(
                Invariant($"{name} has {bytes / 1e9:F1} GB of weights, and an ONNX file can have 2 GB at most."));
    }

    /// <exception cref="NotSupportedException">The weight has no values, or is not float32.</exception>
    public static void EnsureFloat32(string name, Tensor weight)
    {
        if (weight.dtype != ScalarType.Float32)
            throw new NotSupportedException(
                $"The weight '{name}' is {weight.dtype}, and only Float32 can be exported. Convert the module with "
                + "to(ScalarType.Float32).");
        if (weight.device_type == DeviceType.META)
            throw new NotSupportedException($"The weight '{name}' has no values: it is on the meta device.");
    }

    /// <summary>Converts pixels from 0 to 255 to normalized images.</summary>
    /// <param name="mean">One value for all channels, or one per channel.</param>
    /// <param name="std">As many values.</param>
    public void AddNormalization(IReadOnlyList<double> mean, IReadOnlyList<double> std)
    {
        AddNode("normalization/Cast", "Cast", [Output], OnnxAttribute.Integer("to", (long)ElementType.Float));
        AddNode("normalization/Div", "Div", [Output, AddConstant("normalization.white", [byte.MaxValue])]);
        AddNode("normalization/Sub", "Sub", [Output, AddConstant("normalization.mean", mean)]);
        AddNode("normalization/Div_1", "Div", [Output, AddConstant("normalization.std", std)]);
    }

    /// <param name="shapes">Shapes of all values; null if the network has only layers that do not need them.</param>
    /// <exception cref="NotSupportedException">ONNX cannot express a layer.</exception>
    public void AddNetwork(NetworkGraph network, GraphShapes? shapes = null)
    {
        var input = Output;
        foreach (var node in network.Nodes.Where(node => node.Inputs.Count > 0))
        {
            HasFixedSize |= node is { Operation: Operation.Flatten, Inputs: [{ Operation: not Operation.GlobalAveragePool }] };
            var inputs = node.Inputs.Select(NameOf).ToArray();
            if (node.Operation is Operation.Layer layer)
            {
                if (!network.IsRegistered(layer.Module) && layer.Module.parameters().Any())
                    throw new NotSupportedException(
                        $"{NetworkGraph.Describe(node.Module)} calls a {layer.Module.GetType().Name} that is not registered. Call "
                        + "RegisterComponents in its constructor.");
                LayerConverter.Find(layer.Module)!.AddNodes(new NodeBuilder(this, node, inputs, shapes), layer.Module);
                Rename(Output, node.Name);
            }
            else
                AddNode(node.Name, node.Operation.Name, [.. inputs, .. AddWeights(node)], Attributes(node.Operation));
        }

        Output = NameOf(network.Output);
        if (Output == input)
            AddNode("Identity", "Identity", [input]);

        string NameOf(GraphNode node) => node.Inputs.Count > 0 ? node.Name : input;
    }

    public void AddSoftmax() => AddNode("Softmax", "Softmax", [Output], OnnxAttribute.Integer("axis", 1));

    /// <summary>Renames the output of the graph, and leaves the name of its node.</summary>
    public void RenameOutput(string name)
    {
        foreach (var node in Proto.Node)
        {
            Replace(node.Input, Output, name);
            Replace(node.Output, Output, name);
        }

        Output = name;
    }

    /// <summary>Whether a weight or a constant of the graph has the name, or a node other than the last.</summary>
    public bool Uses(string name) => initializerOwners.ContainsKey(name) || (name != Output && nodeNames.Contains(name));

    /// <returns>The name of the output.</returns>
    public string AddNode(string name, string operation, IReadOnlyList<string> inputs, params AttributeProto[] attributes)
    {
        name = Unique(name, nodeNames.Contains);
        nodeNames.Add(name);
        Proto.Node.Add(
            new NodeProto { Name = name, OpType = operation, Input = { inputs }, Output = { name }, Attribute = { attributes } });
        return Output = name;
    }

    /// <summary>Adds a weight once, however often its layer is called.</summary>
    /// <param name="name">Name in the state dictionary.</param>
    public string AddWeight(string name, Module owner, Tensor weight)
    {
        if (initializerOwners.TryGetValue(name, out var other) && ReferenceEquals(other, owner))
            return name;
        using var scope = NewDisposeScope();
        return AddInitializer(name, ElementType.Float, weight.shape, weight.detach().cpu().contiguous().bytes, owner);
    }

    public string AddFloats(string name, long[] shape, float[] values) =>
        AddInitializer(name, ElementType.Float, shape, MemoryMarshal.AsBytes<float>(values));

    public string AddIntegers(string name, params long[] values) =>
        AddInitializer(name, ElementType.Int64, [values.Length], MemoryMarshal.AsBytes<long>(values));

    private void Rename(string output, string name)
    {
        nodeNames.Add(name);
        Proto.Node[^1].Name = name;
        RenameOutput(name);
    }

    private string[] AddWeights(GraphNode node) => node.Operation is Operation.PadChannels pad
        // Numbers of zeros before each of the four dimensions, then after each.
        ? [AddIntegers($"{node.Module}.pads".TrimStart('.'), 0, 0, 0, 0, 0, pad.Count, 0, 0)]
        : [];

    // A scalar, or one value per channel.
    private string AddConstant(string name, IReadOnlyList<double> values) =>
        AddFloats(name, values.Count == 1 ? [] : [values.Count, 1, 1], [.. values.Select(value => (float)value)]);

    private string AddInitializer(string name, ElementType type, long[] shape, ReadOnlySpan<byte> data, object? owner = null)
    {
        name = Unique(name, initializerOwners.ContainsKey);
        initializerOwners.Add(name, owner);
        Proto.Initializer.Add(
            new TensorProto { Name = name, DataType = (int)type, Dims = { shape }, RawData = ByteString.CopyFrom(data) });
        return name;
    }

    private static string Unique(string name, Func<string, bool> isUsed)
    {
        var unique = name;
        for (var count = 1; isUsed(unique); count++)
            unique = $"{name}_{count}";
        return unique;
    }

    private static void Replace(RepeatedField<string> names, string old, string name)
    {
        for (var index = 0; index < names.Count; index++)
            if (names[index] == old)
                names[index] = name;
    }

    private static AttributeProto[] Attributes(Operation operation) => operation switch
    {
        Operation.MaxPool { CeilMode: true } pool => [.. OnnxAttribute.Of(pool.Window), OnnxAttribute.Integer("ceil_mode", 1)],
        Operation.MaxPool pool => OnnxAttribute.Of(pool.Window),
        Operation.AveragePool pool => [.. OnnxAttribute.Of(pool.Window), OnnxAttribute.Integer("count_include_pad", 1)],
        Operation.Concat concat => [OnnxAttribute.Integer("axis", concat.Dim)],
        Operation.Flatten => [OnnxAttribute.Integer("axis", 1)],
        _ => [],
    };
}

/// <summary>Attributes of ONNX nodes.</summary>
internal static class OnnxAttribute
{
    public static AttributeProto[] Of(Window window) => Window(window.Kernel, window.Stride, window.Padding, window.Padding);

    public static AttributeProto[] Window(long[] kernel, long[] stride, long[] begin, long[] end) =>
        [Integers("kernel_shape", kernel), Integers("strides", stride), Integers("pads", [.. begin, .. end])];

    public static AttributeProto Integer(string name, long value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    public static AttributeProto Integers(string name, params long[] values) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { values } };

    public static AttributeProto Number(string name, double value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = (float)value };

    public static AttributeProto Text(string name, string value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(value) };
}
