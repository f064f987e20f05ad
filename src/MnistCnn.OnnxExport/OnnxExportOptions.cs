namespace MnistCnn.OnnxExport;

/// <summary>Names and versions in an ONNX file.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>Name of the input.</summary>
    public string InputName { get; init; } = "input";

    /// <summary>Name of the output.</summary>
    public string OutputName { get; init; } = "output";

    /// <summary>
    /// Axes of the input that can have any size, with their names. By default the first, <c>batch</c>. Add axes 2 and 3 for images of any
    /// height and width, if the module takes them; make it empty for a fixed shape.
    /// </summary>
    public IReadOnlyDictionary<int, string> DynamicAxes { get; init; } = new Dictionary<int, string> { [0] = "batch" };

    /// <summary>Version of ONNX's operators, from 13 (ONNX 1.8) to 17 (ONNX 1.12). Later runtimes read all of them.</summary>
    public int OpsetVersion { get; init; } = OnnxGraph.LastOpset;

    /// <summary>Texts to store in the file, such as class names; ONNX Runtime returns them as custom metadata.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}
