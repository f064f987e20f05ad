using System.Runtime.InteropServices;
using Google.Protobuf;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Export;

/// <summary>
/// Writes down a network in ONNX's operators. Weights are called as in the state dictionary, <c>inceptionA.branch5x5_1.weight</c>; only
/// those that are used are kept.
/// </summary>
/// <remarks>Source: https://onnx.ai/onnx/operators, the versions of opset 13.</remarks>
/// <param name="network">The network whose parts are told.</param>
internal sealed class OnnxGraph(Module<Tensor, Tensor> network) : NamedGraph(network)
{
    private readonly HashSet<GraphValue> meansOfMaps = [];

    /// <summary>What was written so far: nodes and weights.</summary>
    public GraphProto Proto { get; } = new();

    /// <summary>Whether images of one size only can go in: where a row is made of whole maps, a layer behind it counts their pixels.</summary>
    public bool HasFixedSize { get; private set; }

    /// <inheritdoc/>
    public override GraphValue Convolution(Conv2d layer, GraphValue x) => Node(
        "Conv",
        [x, Weight("weight", layer.weight!), .. layer.bias is null ? Array.Empty<GraphValue>() : [Weight("bias", layer.bias)]],
        Numbers("kernel_shape", layer.kernel_size),
        Numbers("strides", layer.stride),
        Numbers("pads", [.. layer.padding!, .. layer.padding!]),
        Numbers("dilations", layer.dilation),
        Number("group", layer.groups));

    /// <inheritdoc/>
    public override GraphValue BatchNormalization(BatchNorm2d layer, GraphValue x) => Node(
        "BatchNormalization",
        [
            x, Weight("weight", layer.weight!), Weight("bias", layer.bias!),
            Weight("running_mean", layer.running_mean!), Weight("running_var", layer.running_var!),
        ],
        new AttributeProto { Name = "epsilon", Type = AttributeProto.Types.AttributeType.Float, F = (float)layer.eps });

    /// <inheritdoc/>
    public override GraphValue Linear(Linear layer, GraphValue x) =>
        Node("Gemm", [x, Weight("weight", layer.weight!), Weight("bias", layer.bias!)], Number("transB", 1));

    /// <inheritdoc/>
    public override GraphValue Identity(GraphValue x) => Node("Identity", [x]);

    /// <inheritdoc/>
    public override GraphValue Relu(GraphValue x) => Node("Relu", [x]);

    /// <inheritdoc/>
    public override GraphValue MaxPool(GraphValue x, int kernelSize, int? stride = null, int padding = 0, bool ceilMode = false) => Node(
        "MaxPool",
        [x],
        [.. Window(kernelSize, stride, padding), .. ceilMode ? [Number("ceil_mode", 1)] : Array.Empty<AttributeProto>()]);

    /// <inheritdoc/>
    public override GraphValue AveragePool(GraphValue x, int kernelSize, int? stride = null, int padding = 0) =>
        Node("AveragePool", [x], [.. Window(kernelSize, stride, padding), Number("count_include_pad", 1)]);

    /// <inheritdoc/>
    public override GraphValue GlobalAveragePool(GraphValue x)
    {
        var y = Node("GlobalAveragePool", [x]);
        meansOfMaps.Add(y);
        return y;
    }

    /// <inheritdoc/>
    public override GraphValue Concatenate(params IReadOnlyList<GraphValue> values) => Node("Concat", values, Number("axis", 1));

    /// <inheritdoc/>
    /// <remarks>The operator takes its numbers as an input: what is put before each of the four dimensions, then what behind.</remarks>
    public override GraphValue PadChannels(GraphValue x, int count) =>
        Node("Pad", [x, Constant("pads", [0, 0, 0, 0, 0, count, 0, 0])]);

    /// <inheritdoc/>
    public override GraphValue Add(GraphValue x, GraphValue y) => Node("Add", [x, y]);

    /// <inheritdoc/>
    public override GraphValue Flatten(GraphValue x)
    {
        HasFixedSize |= !meansOfMaps.Contains(x);
        return Node("Flatten", [x], Number("axis", 1));
    }

    /// <summary>Pixels from 0 to 255 as networks take them.</summary>
    /// <param name="x">The pixels, uint8.</param>
    /// <param name="mean">Subtracted from a pixel between 0 and 1: one value per channel, or one for all.</param>
    /// <param name="std">Divides the difference; one value per channel, or one for all.</param>
    public GraphValue Normalize(GraphValue x, IReadOnlyList<double> mean, IReadOnlyList<double> std)
    {
        Part = "normalization";
        x = Node("Cast", [x], Number("to", (long)TensorProto.Types.DataType.Float));
        x = Node("Div", [x, Constant("white", [(double)byte.MaxValue])]);
        x = Node("Sub", [x, Constant("mean", mean)]);
        x = Node("Div", [x, Constant("deviation", std)]);
        Part = "";
        return x;
    }

    /// <summary>Logits (N, classes) as probabilities.</summary>
    public GraphValue Softmax(GraphValue x) => Node("Softmax", [x], Number("axis", 1));

    /// <summary>Gives what the last node gives another name.</summary>
    public GraphValue NameLast(string name)
    {
        Proto.Node[^1].Output[0] = name;
        return new GraphValue(name);
    }

    /// <inheritdoc/>
    protected override Exception Undescribed(string reason) => new UserException($"The network cannot be exported: {reason}");

    // What it gives is called as the node is.
    private GraphValue Node(string operation, IReadOnlyList<GraphValue> inputs, params AttributeProto[] attributes)
    {
        var name = NewName(operation);
        Proto.Node.Add(new NodeProto
        {
            Name = name,
            OpType = operation,
            Input = { inputs.Select(input => input.Name) },
            Output = { name },
            Attribute = { attributes },
        });
        return new GraphValue(name);
    }

    private GraphValue Weight(string name, Tensor weight)
    {
        using var scope = NewDisposeScope();
        return Initializer(name, TensorProto.Types.DataType.Float, weight.shape, weight.detach().cpu().contiguous().bytes);
    }

    // One value is a scalar; several are one per channel, (C, 1, 1), which is broadcast over (N, C, H, W).
    private GraphValue Constant(string name, IReadOnlyList<double> values) => Initializer(
        name,
        TensorProto.Types.DataType.Float,
        values.Count == 1 ? [] : [values.Count, 1, 1],
        MemoryMarshal.AsBytes<float>(values.Select(value => (float)value).ToArray()));

    private GraphValue Constant(string name, long[] values) =>
        Initializer(name, TensorProto.Types.DataType.Int64, [values.Length], MemoryMarshal.AsBytes<long>(values));

    private GraphValue Initializer(string name, TensorProto.Types.DataType type, long[] shape, ReadOnlySpan<byte> numbers)
    {
        name = $"{Part}.{name}".TrimStart('.');
        Proto.Initializer.Add(new TensorProto
        {
            Name = name,
            DataType = (int)type,
            Dims = { shape },
            RawData = ByteString.CopyFrom(numbers),
        });
        return new GraphValue(name);
    }

    private static AttributeProto[] Window(int kernelSize, int? stride, int padding) =>
    [
        Numbers("kernel_shape", [kernelSize, kernelSize]),
        Numbers("strides", [stride ?? kernelSize, stride ?? kernelSize]),
        Numbers("pads", [padding, padding, padding, padding]),
    ];

    private static AttributeProto Number(string name, long value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    private static AttributeProto Numbers(string name, IEnumerable<long> values) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { values } };
}
