using MnistCnn.OnnxExport;
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

    /// <param name="network">Maps normalized images (N, C, H, W) to logits (N, classes).</param>
    /// <exception cref="NotSupportedException">The network is too large, or it cannot be traced.</exception>
    public static ModelProto Create(Module<Tensor, Tensor> network, OnnxSettings settings)
    {
        OnnxGraph.EnsureFits(network, settings.Name);
        var graph = new OnnxGraph("images"); // of the lowest opset, so that older programs read the file
        if (settings.TakesPixels)
            graph.AddNormalization(settings.Mean, settings.Std);
        graph.AddNetwork(NetworkGraph.Trace(network));
        graph.RenameOutput("logits");
        if (settings.GivesProbabilities)
        {
            graph.AddSoftmax();
            graph.RenameOutput("probabilities");
        }

        var (images, classes) = (DescribeImages(settings, graph.HasFixedSize), DescribeClasses(settings));
        object[] size = graph.HasFixedSize ? [settings.Height, settings.Width] : ["height", "width"];
        graph.Proto.Name = settings.Name;
        graph.Proto.Input.Add(Value(
            "images", images, settings.TakesPixels ? ElementType.Uint8 : ElementType.Float, [Batch, settings.Channels, .. size]));
        graph.Proto.Output.Add(Value(graph.Output, classes, ElementType.Float, [Batch, settings.Classes]));
        return new ModelProto
        {
            IrVersion = graph.IrVersion,
            OpsetImport = { new OperatorSetIdProto { Version = graph.Opset } },
            ProducerName = nameof(MnistCnn),
            ProducerVersion = settings.ProducerVersion,
            DocString = $"{settings.Description}. Takes {images} Gives {classes}",
            MetadataProps =
            {
                from text in settings.Metadata.Append(new("mnist_cnn", settings.ProducerVersion))
                select new StringStringEntryProto { Key = text.Key, Value = text.Value },
            },
            Graph = graph.Proto,
        };
    }

    private static string DescribeImages(OnnxSettings settings, bool hasFixedSize)
    {
        var images = Invariant($"images of {settings.Channels}x{settings.Height}x{settings.Width} (channels, height, width)")
            + (hasFixedSize ? "" : " or another height and width");
        return settings.TakesPixels
            ? $"{images}, uint8: pixels from 0, black, to 255."
            : $"{images}, float32: (pixel / 255 - {Text(settings.Mean)}) / {Text(settings.Std)}, of pixels from 0, black, to 255.";

        static string Text(IReadOnlyList<double> values)
        {
            var text = string.Join(", ", values.Select(value => Invariant($"{value}")));
            return values.Count == 1 ? text : $"[{text}]";
        }
    }

    private static string DescribeClasses(OnnxSettings settings) => settings.GivesProbabilities
        ? "the probability of each class, in the order of the metadata's classes."
        : "the logit of each class, in the order of the metadata's classes: the largest is the network's answer.";

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
