using MnistCnn.OnnxExport;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using Onnx;
using static System.FormattableString;
using ElementType = Onnx.TensorProto.Types.DataType;

namespace MnistCnn.Export;

/// <summary>
/// Converts a network to ONNX, for ONNX Runtime and other programs without libtorch. The input <c>images</c> has the shape
/// (batch, C, H, W), the output <c>logits</c> or <c>probabilities</c> (batch, classes).
/// </summary>
/// <remarks>Source: https://onnx.ai/onnx/repo-docs/IR.html.</remarks>
internal static class OnnxModel
{
    private const string Batch = "batch";

    /// <param name="takesPixels">The file takes pixels, uint8 from 0 to 255, and normalizes them; otherwise, normalized float32.</param>
    /// <param name="givesProbabilities">The file outputs probabilities instead of logits.</param>
    /// <exception cref="NotSupportedException">The network is too large, or it cannot be traced.</exception>
    public static ModelProto Create(TrainedNetwork model, bool takesPixels = false, bool givesProbabilities = false)
    {
        var (architecture, shape) = (model.Architecture, model.Shape);
        OnnxGraph.EnsureFits(model.Network, architecture.Name);
        var graph = new OnnxGraph("images"); // of the lowest opset, so that older programs read the file
        if (takesPixels)
            graph.AddNormalization(model.Normalization.Mean, model.Normalization.Std);
        graph.AddNetwork(NetworkGraph.Trace(model.Network));
        graph.RenameOutput("logits");
        if (givesProbabilities)
        {
            graph.AddSoftmax();
            graph.RenameOutput("probabilities");
        }

        var images = DescribeImages(model, takesPixels, graph.HasFixedSize);
        var classes = givesProbabilities
            ? "the probability of each class, in the order of the metadata's classes."
            : "the logit of each class, in the order of the metadata's classes: the largest is the network's answer.";
        object[] size = graph.HasFixedSize ? [shape.Height, shape.Width] : ["height", "width"];
        graph.Proto.Name = architecture.Name;
        graph.Proto.Input.Add(Value(
            "images", images, takesPixels ? ElementType.Uint8 : ElementType.Float, [Batch, shape.Channels, .. size]));
        graph.Proto.Output.Add(Value(graph.Output, classes, ElementType.Float, [Batch, shape.Classes]));
        return new ModelProto
        {
            IrVersion = graph.IrVersion,
            OpsetImport = { new OperatorSetIdProto { Version = graph.Opset } },
            ProducerName = nameof(MnistCnn),
            ProducerVersion = Versions.Program,
            DocString = $"{architecture.Title}: {architecture.Description}. Takes {images} Gives {classes}",
            MetadataProps =
            {
                from text in model.Metadata.ToDictionary().Append(new("mnist_cnn", Versions.Program))
                select new StringStringEntryProto { Key = text.Key, Value = text.Value },
            },
            Graph = graph.Proto,
        };
    }

    private static string DescribeImages(TrainedNetwork model, bool takesPixels, bool hasFixedSize)
    {
        var images = $"images of {model.Shape.Input} (channels, height, width){(hasFixedSize ? "" : " or another height and width")}";
        var (mean, std) = (Text(model.Normalization.Mean), Text(model.Normalization.Std));
        return takesPixels
            ? $"{images}, uint8: pixels from 0, black, to 255."
            : $"{images}, float32: (pixel / 255 - {mean}) / {std}, of pixels from 0, black, to 255.";

        static string Text(IReadOnlyList<double> values)
        {
            var text = string.Join(", ", values.Select(value => Invariant($"{value}")));
            return values.Count == 1 ? text : $"[{text}]";
        }
    }

    /// <param name="sides">Numbers, and names of variable sides.</param>
    private static ValueInfoProto Value(string name, string description, ElementType type, object[] sides) => new()
    {
        Name = name,
        DocString = $"{char.ToUpperInvariant(description[0])}{description[1..]}",
        Type = new TypeProto
        {
            TensorType = new TypeProto.Types.Tensor
            {
                ElemType = (int)type,
                Shape = new TensorShapeProto { Dim = { sides.Select(Dimension) } },
            },
        },
    };

    private static TensorShapeProto.Types.Dimension Dimension(object side) =>
        side is string name ? new() { DimParam = name } : new() { DimValue = (int)side };
}
