using MnistCnn.Networks;
using Onnx;
using static System.FormattableString;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>export</c> sees.</summary>
internal static class ExportReport
{
    /// <summary>Writes what goes in and what comes out, or JSON, to standard output.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="model">What the file holds.</param>
    /// <param name="path">The file.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Write(Architecture architecture, ModelProto model, string path, bool json)
    {
        var (input, output) = (Value.Of(model.Graph.Input[0]), Value.Of(model.Graph.Output[0]));
        var (opset, bytes) = (model.OpsetImport[0].Version, model.CalculateSize());
        Output.Write(
            json,
            new
            {
                Architecture = architecture.Name,
                Input = input,
                Output = output,
                Opset = opset,
                model.IrVersion,
                Bytes = bytes,
                Files = new[] { path },
            },
            _ => Console.Out.WriteLine(Invariant(
                $"{architecture.Title}: {input.Text} to {output.Text}, opset {opset}, {bytes / 1e6:N2} MB")),
            [path]);
    }

    /// <summary>What goes in or comes out.</summary>
    /// <param name="Name">What it is called.</param>
    /// <param name="Type">The kind of its numbers.</param>
    /// <param name="Shape">Its sides: numbers, or names of those that are free.</param>
    private sealed record Value(string Name, string Type, object[] Shape)
    {
        /// <summary>In words.</summary>
        [System.Text.Json.Serialization.JsonIgnore]
        public string Text => $"{Name} ({string.Join(", ", Shape)}) {Type}";

        public static Value Of(ValueInfoProto value)
        {
            var tensor = value.Type.TensorType;
            var type = (TensorProto.Types.DataType)tensor.ElemType == TensorProto.Types.DataType.Uint8 ? "uint8" : "float32";
            return new Value(value.Name, type, [.. tensor.Shape.Dim.Select(side => side.DimParam is "" ? (object)side.DimValue : side.DimParam)]);
        }
    }
}
