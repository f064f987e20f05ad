using MnistCnn.Networks;
using Onnx;

namespace MnistCnn.Reporting;

internal static class ExportReport
{
    public static void Write(Architecture architecture, ModelProto model, string path, bool json)
    {
        var (input, output) = (ReadValue(model.Graph.Input[0]), ReadValue(model.Graph.Output[0]));
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
            _ => Terminal.WriteLine($"{architecture.Title}: {Format(input)} to {Format(output)}, opset {opset}, {bytes / 1e6:N2} MB"),
            [path]);
    }

    private static Value ReadValue(ValueInfoProto value)
    {
        var tensor = value.Type.TensorType;
        var type = (TensorProto.Types.DataType)tensor.ElemType == TensorProto.Types.DataType.Uint8 ? "uint8" : "float32";
        object[] shape = [.. tensor.Shape.Dim.Select(side => side.DimParam is "" ? (object)side.DimValue : side.DimParam)];
        return new Value(value.Name, type, shape);
    }

    private static string Format(Value value) => $"{value.Name} ({string.Join(", ", value.Shape)}) {value.Type}";

    // A dimension of any size, such as the batch, has a name instead of a number in the shape.
    private sealed record Value(string Name, string Type, object[] Shape);
}
