using Google.Protobuf;
using Onnx;
using ElementType = Onnx.TensorProto.Types.DataType;

namespace MnistCnn.OnnxExport;

/// <summary>Exports TorchSharp modules to ONNX.</summary>
/// <remarks>
/// A module can consist of <c>Sequential</c>s, nested too, of standard layers, and of modules that describe themselves
/// (<see cref="TraceableModule"/>). The file computes the output of the module in evaluation mode: dropout does nothing, and batch
/// normalization uses its running statistics. Source of the format: https://onnx.ai/onnx/repo-docs/IR.html.
/// </remarks>
public static class OnnxExporter
{
    /// <summary>Exports a module to a file.</summary>
    /// <remarks>
    /// The file is written under a temporary name in the same folder and renamed. The module keeps its weights, gradients, device and
    /// training mode. During the export it is in evaluation mode, so no other thread may train it.
    /// </remarks>
    /// <param name="module">A module with float32 weights, on any device.</param>
    /// <param name="path">The file. An existing file is replaced.</param>
    /// <param name="inputShape">
    /// Shape of the float32 input with the batch first, such as <c>[1, 3, 224, 224]</c>. The module runs on zeros of this shape.
    /// </param>
    /// <param name="options">Names and versions; if null, the defaults.</param>
    /// <exception cref="NotSupportedException">
    /// The module contains a layer that cannot be exported, weights that are not float32, or more than 2 GB of weights.
    /// </exception>
    /// <exception cref="ArgumentException">The module does not take inputs of this shape, or an option is not valid.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be written.</exception>
    public static void Export(Module<Tensor, Tensor> module, string path, long[] inputShape, OnnxExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var model = Convert(module, inputShape, options ?? new());
        path = Path.GetFullPath(path);
        var temporary = $"{path}.{Random.Shared.NextInt64()}.tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew))
                model.WriteTo(file);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            if (File.Exists(temporary))
                File.Delete(temporary);
        }
    }

    /// <summary>Exports a module to a stream.</summary>
    /// <param name="module">A module with float32 weights, on any device.</param>
    /// <param name="stream">The stream; it stays open.</param>
    /// <param name="inputShape">Shape of the input with the batch first.</param>
    /// <param name="options">Names and versions; if null, the defaults.</param>
    /// <inheritdoc cref="Export(Module{Tensor, Tensor}, string, long[], OnnxExportOptions)"/>
    public static void Export(Module<Tensor, Tensor> module, Stream stream, long[] inputShape, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Convert(module, inputShape, options ?? new()).WriteTo(stream);
    }

    internal static ModelProto Convert(Module<Tensor, Tensor> module, long[] inputShape, OnnxExportOptions options)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(inputShape);
        Validate(inputShape, options);
        OnnxGraph.EnsureFits(module, $"The module {module.GetName()}");
        foreach (var (name, weight) in module.state_dict())
            if (weight.dtype != ScalarType.Int64) // counters of batches, which the file omits
                OnnxGraph.EnsureFloat32(name, weight);

        var training = new[] { module }.Concat(module.modules()).Select(part => (Module: part, IsTraining: part.training)).ToArray();
        module.eval();
        try
        {
            return Convert(module, module.GetName(), inputShape, options);
        }
        finally
        {
            // train() is recursive: parents come first.
            foreach (var part in training)
                if (part.Module.training != part.IsTraining)
                    part.Module.train(part.IsTraining);
        }
    }

    private static ModelProto Convert(Module<Tensor, Tensor> module, string name, long[] inputShape, OnnxExportOptions options)
    {
        var trace = NetworkGraph.Trace(module, options.InputName);
        EnsureInPlaceInputsAreReadOnce(trace);
        var shapes = GraphShapes.Measure(trace, module, inputShape, options.DynamicAxes.Keys);
        var graph = new OnnxGraph(options.InputName, options.OpsetVersion);
        graph.AddNetwork(trace, shapes);
        foreach (var (option, value) in new[] { ("InputName", options.InputName), ("OutputName", options.OutputName) })
            if (graph.Uses(value))
                throw new ArgumentException(
                    $"{option} '{value}' is the name of a weight or an operation of the module. Choose another one.", nameof(options));
        graph.RenameOutput(options.OutputName);

        var input = inputShape.Select((size, axis) => new Axis(size, options.DynamicAxes.ContainsKey(axis))).ToArray();
        graph.Proto.Name = name;
        graph.Proto.Input.Add(Value(options.InputName, input, axis => options.DynamicAxes[axis]));
        graph.Proto.Output.Add(Value(
            options.OutputName,
            shapes[trace.Output],
            axis => axis == 0 && options.DynamicAxes.TryGetValue(0, out var batch) ? batch : $"{options.OutputName}_{axis}"));
        return new ModelProto
        {
            IrVersion = graph.IrVersion,
            OpsetImport = { new OperatorSetIdProto { Version = options.OpsetVersion } },
            ProducerName = typeof(OnnxExporter).Namespace,
            ProducerVersion = typeof(OnnxExporter).Assembly.GetName().Version!.ToString(3),
            MetadataProps =
            {
                from text in options.Metadata select new StringStringEntryProto { Key = text.Key, Value = text.Value },
            },
            Graph = graph.Proto,
        };
    }

    private static void Validate(long[] inputShape, OnnxExportOptions options)
    {
        if (inputShape.Length == 0 || inputShape.Any(size => size < 1))
            throw new ArgumentException("The shape of the input needs at least one dimension, each of at least 1.", nameof(inputShape));
        if (options.OpsetVersion is < OnnxGraph.FirstOpset or > OnnxGraph.LastOpset)
            throw new ArgumentException(
                $"OpsetVersion is {options.OpsetVersion}; it must be from {OnnxGraph.FirstOpset} to {OnnxGraph.LastOpset}.",
                nameof(options));
        foreach (var axis in options.DynamicAxes.Keys)
            if (axis < 0 || axis >= inputShape.Length)
                throw new ArgumentException(
                    $"DynamicAxes has axis {axis}, and the input has the axes 0 to {inputShape.Length - 1}.", nameof(options));
        if (options.InputName == options.OutputName)
            throw new ArgumentException("InputName and OutputName must differ.", nameof(options));
        ArgumentException.ThrowIfNullOrEmpty(options.InputName);
        ArgumentException.ThrowIfNullOrEmpty(options.OutputName);
    }

    // A layer that overwrites its input changes it for later readers; ONNX has no such operation.
    private static void EnsureInPlaceInputsAreReadOnce(NetworkGraph trace)
    {
        var readers = trace.Nodes.SelectMany(node => node.Inputs).CountBy(input => input).ToDictionary();
        foreach (var node in trace.Nodes)
            if (node.Operation is Operation.Layer { Module: var layer } && readers[node.Inputs[0]] > 1
                && layer.GetType().GetProperty("inplace")?.GetValue(layer) is true)
                throw new NotSupportedException(
                    $"{NetworkGraph.Describe(node.Module)}, a {layer.GetType().Name}, overwrites a value that other operations read too. "
                    + "Create it with inplace: false.");
    }

    private static ValueInfoProto Value(string name, Axis[] shape, Func<int, string> axisName) => new()
    {
        Name = name,
        Type = new TypeProto
        {
            TensorType = new TypeProto.Types.Tensor
            {
                ElemType = (int)ElementType.Float,
                Shape = new TensorShapeProto
                {
                    Dim =
                    {
                        shape.Select((axis, index) => axis.IsDynamic
                            ? new TensorShapeProto.Types.Dimension { DimParam = axisName(index) }
                            : new TensorShapeProto.Types.Dimension { DimValue = axis.Size }),
                    },
                },
            },
        },
    };
}
