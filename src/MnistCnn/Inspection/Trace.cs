using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Inspection;

/// <summary>
/// A forward pass of which every value is kept: the network tells its own graph, and each operation is computed as it is told. So an
/// input of any operation can also be replaced, and one sees what would become of the answer.
/// </summary>
/// <remarks>The values are as <c>forward</c> gives them, bit for bit, and belong to the dispose scope of the caller.</remarks>
internal sealed class Trace : NamedGraph
{
    /// <summary>The name of what goes in.</summary>
    public const string Image = "image";

    private readonly Dictionary<string, TraceNode> nodes = [];
    private readonly Dictionary<(string Node, int Input), Wire> wires;
    private readonly CancellationToken stop;

    private Trace(Module<Tensor, Tensor> network, IEnumerable<Wire> wires, CancellationToken stop)
        : base(network) => (this.wires, this.stop) = (wires.ToDictionary(wire => (wire.Node, wire.Input)), stop);

    /// <summary>All that was computed, in that order: the image first, the logits last.</summary>
    public IReadOnlyCollection<TraceNode> Nodes => nodes.Values;

    /// <summary>What the network answers: (N, classes).</summary>
    public Tensor Logits { get; private set; } = null!;

    /// <summary>The operation of that name.</summary>
    /// <exception cref="UserException">There is none.</exception>
    public TraceNode this[string name] => nodes.GetValueOrDefault(name) ?? throw new UserException($"The network has no operation '{name}'.");

    /// <summary>Runs a network.</summary>
    /// <param name="network">The network, in evaluation mode.</param>
    /// <param name="images">What it takes: (N, C, H, W), normalised, float32. Where N is 0, the values have shapes alone.</param>
    /// <param name="wires">Inputs that are to be replaced.</param>
    /// <param name="stop">Ends it before the next operation.</param>
    /// <exception cref="UserException">
    /// A part of the network does not say what it computes, or a wire names an input that is not there or a value of another shape, or one
    /// that is computed later.
    /// </exception>
    public static Trace Of(Module<Tensor, Tensor> network, Tensor images, IReadOnlyCollection<Wire>? wires = null, CancellationToken stop = default)
    {
        var twice = wires?.GroupBy(wire => (wire.Node, wire.Input)).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
            throw new UserException($"Input {twice.Key.Input} of {twice.Key.Node} is replaced twice.");
        var trace = new Trace(network, wires ?? [], stop);
        var image = trace.Keep(new TraceNode(Image, "Input", "", null, [], [], images));
        trace.Logits = trace[trace.Call(network, image).Name].Value;
        return trace.wires.Values.FirstOrDefault() is { } unused
            ? throw new UserException($"The network has no input {unused.Input} of an operation '{unused.Node}'.")
            : trace;
    }

    /// <inheritdoc/>
    public override GraphValue Convolution(Conv2d layer, GraphValue x) =>
        Compute("Conv", [x], inputs => layer.call(inputs[0]), layer, Window.Of(layer));

    /// <inheritdoc/>
    public override GraphValue BatchNormalization(BatchNorm2d layer, GraphValue x) =>
        Compute("BatchNormalization", [x], inputs => layer.call(inputs[0]), layer);

    /// <inheritdoc/>
    public override GraphValue Linear(Linear layer, GraphValue x) => Compute("Gemm", [x], inputs => layer.call(inputs[0]), layer);

    /// <inheritdoc/>
    public override GraphValue Identity(GraphValue x) => Compute("Identity", [x], inputs => inputs[0].alias());

    /// <inheritdoc/>
    public override GraphValue Relu(GraphValue x) => Compute("Relu", [x], inputs => relu(inputs[0]));

    /// <inheritdoc/>
    public override GraphValue MaxPool(GraphValue x, int kernelSize, int? stride = null, int padding = 0, bool ceilMode = false) => Compute(
        "MaxPool",
        [x],
        inputs => max_pool2d(inputs[0], kernelSize, stride ?? kernelSize, padding, ceil_mode: ceilMode),
        window: Window.Square(kernelSize, stride ?? kernelSize, padding));

    /// <inheritdoc/>
    public override GraphValue AveragePool(GraphValue x, int kernelSize, int? stride = null, int padding = 0) => Compute(
        "AveragePool",
        [x],
        inputs => avg_pool2d(inputs[0], kernelSize, stride ?? kernelSize, padding),
        window: Window.Square(kernelSize, stride ?? kernelSize, padding));

    /// <inheritdoc/>
    public override GraphValue GlobalAveragePool(GraphValue x) => Compute("GlobalAveragePool", [x], inputs => adaptive_avg_pool2d(inputs[0], 1));

    /// <inheritdoc/>
    public override GraphValue Concatenate(params IReadOnlyList<GraphValue> values) => Compute("Concat", values, inputs => cat(inputs, dim: 1));

    /// <inheritdoc/>
    public override GraphValue PadChannels(GraphValue x, int count) => Compute("Pad", [x], inputs => Shortcut.PadChannels(inputs[0], count));

    /// <inheritdoc/>
    public override GraphValue Add(GraphValue x, GraphValue y) => Compute("Add", [x, y], inputs => Shortcut.Add(inputs[0], inputs[1]));

    /// <inheritdoc/>
    public override GraphValue Flatten(GraphValue x) => Compute("Flatten", [x], inputs => inputs[0].flatten(start_dim: 1));

    /// <inheritdoc/>
    protected override Exception Undescribed(string reason) => new UserException($"The network cannot be looked into: {reason}");

    private GraphValue Compute(
        string operation, IReadOnlyList<GraphValue> inputs, Func<Tensor[], Tensor> compute, Module? layer = null, Window? window = null)
    {
        stop.ThrowIfCancellationRequested();
        var name = NewName(operation);
        string?[] sources = [.. inputs.Select((input, place) => wires.Remove((name, place), out var wire) ? wire.Instead : input.Name)];
        Tensor[] values = [.. inputs.Select((input, place) => Replaced(name, nodes[input.Name].Value, sources[place]))];
        return Keep(new TraceNode(name, operation, Part, layer, sources, values, compute(values), window));
    }

    private Tensor Replaced(string name, Tensor own, string? source)
    {
        if (source is null)
            return own.zeros_like();
        var value = nodes.GetValueOrDefault(source)?.Value
            ?? throw new UserException($"{name} cannot take '{source}': there is no such operation before it.");
        return value.shape.SequenceEqual(own.shape)
            ? value
            : throw new UserException($"{name} cannot take {source}, since that has the shape {Shape(value)}, not {Shape(own)}.");

        static string Shape(Tensor value) => string.Join("x", value.shape[1..]);
    }

    private GraphValue Keep(TraceNode node)
    {
        nodes.Add(node.Name, node);
        return new GraphValue(node.Name);
    }
}

/// <summary>One operation of a network and what it gave.</summary>
/// <param name="Name">What it is called; see <see cref="NamedGraph"/>.</param>
/// <param name="Operation">What it does, by ONNX's name; "Input" for the image.</param>
/// <param name="Part">The part of the network that it belongs to, as in the state dictionary; "" is the network itself.</param>
/// <param name="Layer">The layer whose weights it uses, if any.</param>
/// <param name="Inputs">The operations that it takes the values of; null where it was given zeros instead.</param>
/// <param name="Taken">Those values.</param>
/// <param name="Value">Maps (N, C, H, W) or rows (N, numbers), float32.</param>
/// <param name="Window">What it sees at one place, where that is a window of each map.</param>
internal sealed record TraceNode(
    string Name, string Operation, string Part, Module? Layer, IReadOnlyList<string?> Inputs, IReadOnlyList<Tensor> Taken, Tensor Value, Window? Window = null);

/// <summary>The window of a convolution or of pooling, in pixels: height and width of each.</summary>
/// <param name="Kernel">Its size.</param>
/// <param name="Stride">From one place to the next.</param>
/// <param name="Padding">How far it reaches over each edge.</param>
internal sealed record Window(IReadOnlyList<long> Kernel, IReadOnlyList<long> Stride, IReadOnlyList<long> Padding)
{
    public static Window Of(Conv2d layer) => new(layer.kernel_size, layer.stride, layer.padding!);

    public static Window Square(long kernel, long stride, long padding) => new([kernel, kernel], [stride, stride], [padding, padding]);
}

/// <summary>Another value for an input of an operation.</summary>
/// <param name="Node">The operation.</param>
/// <param name="Input">Which of its inputs, from 0.</param>
/// <param name="Instead">The operation whose value it takes; null for zeros.</param>
internal sealed record Wire(string Node, int Input, string? Instead);
