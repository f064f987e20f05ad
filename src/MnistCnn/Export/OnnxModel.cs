using Google.Protobuf;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using Onnx;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using ElementType = Onnx.TensorProto.Types.DataType;

namespace MnistCnn.Export;

/// <summary>
/// A network as a file that ONNX Runtime and other programs run, without libtorch: what goes in is called <c>images</c>,
/// (batch, C, H, W), what comes out <c>logits</c> or <c>probabilities</c>, (batch, classes).
/// </summary>
/// <remarks>Source: https://onnx.ai/onnx/repo-docs/IR.html.</remarks>
internal static class OnnxModel
{
    /// <summary>The version of ONNX's operators: the lowest that has all that the networks need, so that older programs read it too.</summary>
    public const int Opset = 13;

    /// <summary>The version of the file format that came with it.</summary>
    public const int IrVersion = 7;

    // A protocol buffer has less than 2 GiB. What stands in the file beside the weights is far below a MiB.
    private const long LargestWeights = int.MaxValue - (1 << 20);

    private const string Batch = "batch";

    /// <summary>Makes the contents of a file.</summary>
    /// <param name="architecture">Which network it is.</param>
    /// <param name="network">Normalised images (N, C, H, W) to logits (N, classes).</param>
    /// <param name="settings">What the file holds around it.</param>
    /// <exception cref="UserException">The network is too large, or does not say what it computes.</exception>
    public static ModelProto Of(Architecture architecture, Module<Tensor, Tensor> network, OnnxSettings settings)
    {
        var bytes = network.state_dict().Values.Sum(tensor => tensor.numel() * tensor.element_size());
        if (bytes > LargestWeights)
            throw new UserException($"{architecture.Name} has {bytes / 1e9:F1} GB of weights, and an ONNX file can have 2 GB at most.");

        var graph = new OnnxGraph(network);
        var value = new GraphValue("images");
        var input = value.Name;
        if (settings.TakesPixels)
            value = graph.Normalize(value, settings.Normalization.Mean, settings.Normalization.Std);
        graph.Call(network, value);
        value = graph.NameLast("logits");
        if (settings.GivesProbabilities)
        {
            graph.Softmax(value);
            value = graph.NameLast("probabilities");
        }

        var shape = settings.Shape;
        var (images, classes) = (Images(settings, graph.HasFixedSize), Classes(settings));
        object[] size = graph.HasFixedSize ? [shape.Height, shape.Width] : ["height", "width"];
        graph.Proto.Name = architecture.Name;
        graph.Proto.Input.Add(Value(input, images, settings.TakesPixels ? ElementType.Uint8 : ElementType.Float, [Batch, shape.Channels, .. size]));
        graph.Proto.Output.Add(Value(value.Name, classes, ElementType.Float, [Batch, shape.Classes]));
        return new ModelProto
        {
            IrVersion = IrVersion,
            OpsetImport = { new OperatorSetIdProto { Version = Opset } },
            ProducerName = nameof(MnistCnn),
            ProducerVersion = Versions.Program,
            DocString = $"{architecture.Title}: {architecture.Description}. Takes {images} Gives {classes}",
            MetadataProps = { Metadata(settings) },
            Graph = graph.Proto,
        };
    }

    /// <summary>Writes a file, whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(ModelProto model, string path) => AtomicFile.Write(path, stream => model.WriteTo(stream));

    private static string Images(OnnxSettings settings, bool hasFixedSize)
    {
        var size = $"images of {settings.Shape.Input} (channels, height, width){(hasFixedSize ? "" : " or another height and width")}";
        return settings.TakesPixels
            ? $"{size}, uint8: pixels from 0, black, to 255."
            : $"{size}, float32: (pixel / 255 - {PerChannel(settings.Normalization.Mean)}) / {PerChannel(settings.Normalization.Std)}, "
                + "of pixels from 0, black, to 255.";

        static string PerChannel(IReadOnlyList<double> values) => values is [var one] ? $"{one}" : $"[{string.Join(", ", values)}]";
    }

    private static IEnumerable<StringStringEntryProto> Metadata(OnnxSettings settings) =>
        from text in settings.Metadata.Append(new("mnist_cnn", Versions.Program))
        select new StringStringEntryProto { Key = text.Key, Value = text.Value };

    private static string Classes(OnnxSettings settings) => settings.GivesProbabilities
        ? "the probability of each class, in the order of the metadata's classes."
        : "a logit for each class, in the order of the metadata's classes: the largest is the network's answer.";

    private static ValueInfoProto Value(string name, string description, ElementType type, object[] sides) => new()
    {
        Name = name,
        DocString = $"{char.ToUpperInvariant(description[0])}{description[1..]}",
        Type = new TypeProto
        {
            TensorType = new TypeProto.Types.Tensor
            {
                ElemType = (int)type,
                Shape = new TensorShapeProto { Dim = { sides.Select(Side) } },
            },
        },
    };

    // A number, or the name of one that is free.
    private static TensorShapeProto.Types.Dimension Side(object side) =>
        side is string name ? new() { DimParam = name } : new() { DimValue = (int)side };
}
