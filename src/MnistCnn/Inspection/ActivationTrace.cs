using MnistCnn.OnnxExport;
using MnistCnn.Runtime;

namespace MnistCnn.Inspection;

/// <summary>A forward pass that keeps the outputs of operations, bit for bit as <c>forward</c>. Their inputs can be overridden.</summary>
internal sealed class ActivationTrace
{
    /// <summary>Name of the network's input.</summary>
    public const string Image = "image";

    private readonly Dictionary<string, TraceNode> nodes = [];

    /// <summary>Runs a network. The values belong to the caller's dispose scope.</summary>
    /// <param name="network">The network, in evaluation mode.</param>
    /// <param name="images">Normalized images: (N, C, H, W), float32. If N is 0, the values have shapes only.</param>
    /// <param name="stop">Checked before each operation.</param>
    /// <exception cref="UserException">An override names a missing input, or a value that has another shape or comes later.</exception>
    public static ActivationTrace Run(
        Module<Tensor, Tensor> network,
        Tensor images,
        IReadOnlyCollection<InputOverride>? overrides = null,
        CancellationToken stop = default)
    {
        var trace = new ActivationTrace();
        var unused = ByInput(overrides ?? []);
        foreach (var node in NetworkGraph.Trace(network, Image).Nodes)
        {
            stop.ThrowIfCancellationRequested();
            string?[] inputs =
            [
                .. node.Inputs.Select((input, index) =>
                    unused.Remove((node.Name, index), out var replaced) ? replaced.Replacement : input.Name),
            ];
            Tensor[] values =
            [
                .. inputs.Zip(node.Inputs, (input, original) => trace.ValueOf(input, node.Name, trace.nodes[original.Name].Value)),
            ];
            var output = node.Inputs.Count == 0 ? images : node.Operation.Compute(values);
            trace.nodes.Add(node.Name, new TraceNode(node, inputs, values, output));
        }

        return unused.Values.FirstOrDefault() is { } first
            ? throw new UserException($"The network has no input {first.Input} of an operation '{first.Node}'.")
            : trace;
    }

    /// <summary>All operations in the order of the forward pass: the image first, the logits last.</summary>
    public IReadOnlyCollection<TraceNode> Nodes => nodes.Values;

    /// <summary>(N, classes).</summary>
    public Tensor Logits => Nodes.Last().Value;

    public TraceNode this[string name] =>
        nodes.GetValueOrDefault(name) ?? throw new UserException($"The network has no operation '{name}'.");

    private static Dictionary<(string Node, int Input), InputOverride> ByInput(IReadOnlyCollection<InputOverride> overrides)
    {
        Dictionary<(string, int), InputOverride> byInput = [];
        foreach (var replaced in overrides)
            if (!byInput.TryAdd((replaced.Node, replaced.Input), replaced))
                throw new UserException($"Input {replaced.Input} of {replaced.Node} is replaced twice.");
        return byInput;
    }

    // Zeros for a null source.
    private Tensor ValueOf(string? source, string user, Tensor original)
    {
        if (source is null)
            return original.zeros_like();
        var value = nodes.GetValueOrDefault(source)?.Value
            ?? throw new UserException($"{user} cannot take '{source}': there is no such operation before it.");
        return value.shape.SequenceEqual(original.shape)
            ? value
            : throw new UserException($"{user} cannot take {source}: it has the shape {Shape(value)}, not {Shape(original)}.");

        static string Shape(Tensor value) => string.Join("x", value.shape[1..]);
    }
}

/// <param name="Inputs">Names of the operations whose outputs it took; null for zeros.</param>
/// <param name="Value">Its output: feature maps (N, C, H, W) or rows (N, features), float32.</param>
internal sealed record TraceNode(GraphNode Node, IReadOnlyList<string?> Inputs, IReadOnlyList<Tensor> InputValues, Tensor Value)
{
    public string Name => Node.Name;

    /// <summary>ONNX's name of the operation; "Input" for the image.</summary>
    public string Operation => Node.Operation.Name;

    /// <summary>Name of the innermost module around the operation, as in the state dictionary; "" is the network itself.</summary>
    public string Module => Node.Module;

    public Module? Layer => (Node.Operation as Operation.Layer)?.Module;

    public Window? Window => Node.Operation.Window;
}

/// <summary>Replaces an input of an operation by the output of another one, or by zeros.</summary>
internal sealed record InputOverride(string Node, int Input, string? Replacement);
