using System.Runtime.InteropServices;
using Onnx;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Tests.Export;

/// <summary>Runs an ONNX file with torch's functions, after the definitions of ONNX's operators.</summary>
public static class OnnxInterpreter
{
    /// <summary>Returns the output of a model with one input and one output.</summary>
    public static Tensor Run(ModelProto model, Tensor images)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var values = model.Graph.Initializer.ToDictionary(weight => weight.Name, Value);
        values.Add(model.Graph.Input.Single().Name, images);
        foreach (var node in model.Graph.Node)
            values.Add(node.Output.Single(), Compute(node, [.. node.Input.Select(name => values[name])]));
        return values[model.Graph.Output.Single().Name].MoveToOuterDisposeScope();
    }

    private static Tensor Value(TensorProto numbers) => (TensorProto.Types.DataType)numbers.DataType switch
    {
        TensorProto.Types.DataType.Float => tensor(MemoryMarshal.Cast<byte, float>(numbers.RawData.Span).ToArray(), [.. numbers.Dims]),
        TensorProto.Types.DataType.Int64 => tensor(MemoryMarshal.Cast<byte, long>(numbers.RawData.Span).ToArray(), [.. numbers.Dims]),
        _ => throw new NotSupportedException(numbers.Name),
    };

    private static Tensor Compute(NodeProto node, Tensor[] x) => node.OpType switch
    {
        "Conv" => conv2d(
            x[0], x[1], x.ElementAtOrDefault(2), Numbers(node, "strides"), Padding(node), Numbers(node, "dilations"),
            Number(node, "group")),
        "BatchNormalization" => batch_norm(x[0], x[3], x[4], x[1], x[2], training: false, eps: node.Attribute.Single().F),
        "Gemm" when Number(node, "transB") == 1 => x[0].matmul(x[1].t()).add_(x[2]),
        "MaxPool" => max_pool2d(
            x[0], Numbers(node, "kernel_shape"), Numbers(node, "strides"), Padding(node),
            ceil_mode: node.Attribute.Any(attribute => attribute is { Name: "ceil_mode", I: 1 })),
        "AveragePool" => avg_pool2d(
            x[0], Numbers(node, "kernel_shape"), Numbers(node, "strides"), Padding(node),
            count_include_pad: Number(node, "count_include_pad") == 1),
        "GlobalAveragePool" => x[0].mean([2, 3], keepdim: true),
        "Flatten" when Number(node, "axis") == 1 => x[0].flatten(start_dim: 1),
        "Pad" when node.Attribute.Count == 0 => Pad(x[0], x[1].data<long>().ToArray()),
        "Concat" => cat(x, Number(node, "axis")),
        "Softmax" => softmax(x[0], Number(node, "axis")),
        "Cast" when Number(node, "to") == (int)TensorProto.Types.DataType.Float => x[0].to_type(ScalarType.Float32),
        "Identity" => x[0],
        "Relu" => relu(x[0]),
        "Add" => x[0].add(x[1]),
        "Sub" => x[0].sub(x[1]),
        "Div" => x[0].div(x[1]),
        _ => throw new NotSupportedException(node.ToString()),
    };

    // ONNX lists the padding before each dimension, then the padding after each. torch lists both for each, the last dimension first.
    private static Tensor Pad(Tensor x, long[] pads) =>
        pad(x, [.. Enumerable.Range(0, pads.Length / 2).Reverse().SelectMany(dim => new[] { pads[dim], pads[dim + pads.Length / 2] })]);

    // torch takes one padding per dimension, for both sides.
    private static long[] Padding(NodeProto node)
    {
        var pads = Numbers(node, "pads");
        Assert.Equal(pads[..2], pads[2..]);
        return pads[..2];
    }

    private static long Number(NodeProto node, string name) => node.Attribute.Single(attribute => attribute.Name == name).I;

    private static long[] Numbers(NodeProto node, string name) => [.. node.Attribute.Single(attribute => attribute.Name == name).Ints];
}
