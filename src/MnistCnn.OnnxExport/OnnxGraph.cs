using System.Runtime.InteropServices;
using Google.Protobuf;
using Onnx;
using ElementType = Onnx.TensorProto.Types.DataType;

namespace MnistCnn.OnnxExport;

/// <summary>
/// A chain of ONNX nodes and their weights. Weights have their names in the state dictionary, <c>inceptionA.branch5x5_1.weight</c>, and
/// unused ones are left out. The output of a node has the node's name.
/// </summary>
/// <remarks>Source: https://onnx.ai/onnx/operators, the versions of opset 13.</remarks>
internal sealed class OnnxGraph(string inputName)
{
    public GraphProto Proto { get; } = new();

    /// <summary>Name of the last node's output.</summary>
    public string Output { get; private set; } = inputName;

    /// <summary>True if the images must have one size because a linear layer reads all pixels of the feature maps.</summary>
    public bool HasFixedSize { get; private set; }

    /// <summary>Converts pixels from 0 to 255 to normalized images.</summary>
    /// <param name="mean">One value for all channels, or one per channel.</param>
    /// <param name="std">As many values.</param>
    public void AddNormalization(IReadOnlyList<double> mean, IReadOnlyList<double> std)
    {
        AddNode("normalization/Cast", "Cast", [Output], Integer("to", (long)ElementType.Float));
        AddNode("normalization/Div", "Div", [Output, AddConstant("normalization.white", [byte.MaxValue])]);
        AddNode("normalization/Sub", "Sub", [Output, AddConstant("normalization.mean", mean)]);
        AddNode("normalization/Div_1", "Div", [Output, AddConstant("normalization.std", std)]);
    }

    public void AddNetwork(NetworkGraph network)
    {
        var input = Output;
        foreach (var node in network.Nodes.Where(node => node.Inputs.Count > 0))
        {
            HasFixedSize |= node is { Operation: Operation.Flatten, Inputs: [{ Operation: not Operation.GlobalAveragePool }] };
            AddNode(
                node.Name,
                node.Operation.Name,
                [.. node.Inputs.Select(source => source.Inputs.Count > 0 ? source.Name : input), .. AddWeights(node)],
                Attributes(node.Operation));
        }
    }

    public void AddSoftmax() => AddNode("Softmax", "Softmax", [Output], Integer("axis", 1));

    public void RenameOutput(string name) => Proto.Node[^1].Output[0] = Output = name;

    private void AddNode(string name, string operation, IReadOnlyList<string> inputs, params AttributeProto[] attributes)
    {
        Proto.Node.Add(
            new NodeProto { Name = name, OpType = operation, Input = { inputs }, Output = { name }, Attribute = { attributes } });
        Output = name;
    }

    private string[] AddWeights(GraphNode node)
    {
        return node.Operation switch
        {
            Operation.Layer { Module: Conv2d layer } => Add(("weight", layer.weight), ("bias", layer.bias)),
            Operation.Layer { Module: Linear layer } => Add(("weight", layer.weight), ("bias", layer.bias)),
            Operation.Layer { Module: BatchNorm2d layer } => Add(
                ("weight", layer.weight), ("bias", layer.bias), ("running_mean", layer.running_mean), ("running_var", layer.running_var)),
            Operation.PadChannels pad =>
            [
                // Numbers of zeros before each of the four dimensions, then after each.
                AddInitializer(NameOf("pads"), ElementType.Int64, [8], MemoryMarshal.AsBytes<long>([0, 0, 0, 0, 0, pad.Count, 0, 0])),
            ],
            _ => [],
        };

        string[] Add(params (string Name, Tensor? Weight)[] weights) =>
            [.. from weight in weights where weight.Weight is not null select AddWeight(NameOf(weight.Name), weight.Weight)];

        string NameOf(string weight) => $"{node.Module}.{weight}".TrimStart('.');
    }

    private string AddWeight(string name, Tensor weight)
    {
        using var scope = NewDisposeScope();
        return AddInitializer(name, ElementType.Float, weight.shape, weight.detach().cpu().contiguous().bytes);
    }

    // A scalar, or one value per channel.
    private string AddConstant(string name, IReadOnlyList<double> values) => AddInitializer(
        name,
        ElementType.Float,
        values.Count == 1 ? [] : [values.Count, 1, 1],
        MemoryMarshal.AsBytes<float>(values.Select(value => (float)value).ToArray()));

    private string AddInitializer(string name, ElementType type, long[] shape, ReadOnlySpan<byte> data)
    {
        Proto.Initializer.Add(
            new TensorProto { Name = name, DataType = (int)type, Dims = { shape }, RawData = ByteString.CopyFrom(data) });
        return name;
    }

    private static AttributeProto[] Attributes(Operation operation) => operation switch
    {
        Operation.Layer { Module: Conv2d layer, Window: { } window } =>
            [.. Attributes(window), Integers("dilations", window.Dilation), Integer("group", layer.groups)],
        Operation.Layer { Module: BatchNorm2d layer } =>
            [new AttributeProto { Name = "epsilon", Type = AttributeProto.Types.AttributeType.Float, F = (float)layer.eps }],
        Operation.Layer { Module: Linear _ } => [Integer("transB", 1)],
        Operation.MaxPool { CeilMode: true } pool => [.. Attributes(pool.Window), Integer("ceil_mode", 1)],
        Operation.MaxPool pool => Attributes(pool.Window),
        Operation.AveragePool pool => [.. Attributes(pool.Window), Integer("count_include_pad", 1)],
        Operation.Concat concat => [Integer("axis", concat.Dim)],
        Operation.Flatten => [Integer("axis", 1)],
        _ => [],
    };

    private static AttributeProto[] Attributes(Window window) =>
    [
        Integers("kernel_shape", window.Kernel),
        Integers("strides", window.Stride),
        Integers("pads", [.. window.Padding, .. window.Padding]),
    ];

    private static AttributeProto Integer(string name, long value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    private static AttributeProto Integers(string name, long[] values) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { values } };
}
