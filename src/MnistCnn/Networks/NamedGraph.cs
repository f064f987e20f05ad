using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Networks;

/// <summary>
/// A graph whose operations are called as the parts that they are of, <c>inceptionA/branch5x5_1/Conv</c>; the second of a kind in one
/// part is <c>Conv_1</c>. The network itself has no name: its own are <c>Relu</c>, <c>Relu_1</c>.
/// </summary>
/// <param name="network">The network whose parts are told.</param>
internal abstract class NamedGraph(Module<Tensor, Tensor> network) : IGraphBuilder
{
    private readonly Dictionary<Module, string> parts = network.named_modules().ToDictionary(named => named.module, named => named.name);
    private readonly HashSet<string> names = [];

    /// <summary>The part that is being told, as in the state dictionary; "" is the network itself.</summary>
    protected string Part { get; set; } = "";

    /// <inheritdoc/>
    public GraphValue Call(Module<Tensor, Tensor> part, GraphValue x)
    {
        var outer = Part;
        Part = ReferenceEquals(part, network) ? "" : parts[part];
        var y = Layers.Describe(this, part, x) ?? throw Undescribed(
            $"{(Part == "" ? "it" : $"its part {Part}")}, a {part.GetType().Name}, does not say what it computes. It must implement {nameof(IDescribed)}.");
        Part = outer;
        return y;
    }

    /// <inheritdoc/>
    public abstract GraphValue Convolution(Conv2d layer, GraphValue x);

    /// <inheritdoc/>
    public abstract GraphValue BatchNormalization(BatchNorm2d layer, GraphValue x);

    /// <inheritdoc/>
    public abstract GraphValue Linear(Linear layer, GraphValue x);

    /// <inheritdoc/>
    public abstract GraphValue Identity(GraphValue x);

    /// <inheritdoc/>
    public abstract GraphValue Relu(GraphValue x);

    /// <inheritdoc/>
    public abstract GraphValue MaxPool(GraphValue x, int kernelSize, int? stride = null, int padding = 0, bool ceilMode = false);

    /// <inheritdoc/>
    public abstract GraphValue AveragePool(GraphValue x, int kernelSize, int? stride = null, int padding = 0);

    /// <inheritdoc/>
    public abstract GraphValue GlobalAveragePool(GraphValue x);

    /// <inheritdoc/>
    public abstract GraphValue Concatenate(params IReadOnlyList<GraphValue> values);

    /// <inheritdoc/>
    public abstract GraphValue PadChannels(GraphValue x, int count);

    /// <inheritdoc/>
    public abstract GraphValue Add(GraphValue x, GraphValue y);

    /// <inheritdoc/>
    public abstract GraphValue Flatten(GraphValue x);

    /// <summary>A name that the graph does not have yet, for an operation of the current part.</summary>
    protected string NewName(string operation)
    {
        var first = $"{Part}.{operation}".TrimStart('.').Replace('.', '/');
        var name = first;
        for (var count = 1; !names.Add(name); count++)
            name = $"{first}_{count}";
        return name;
    }

    /// <summary>What is thrown where a part cannot be told.</summary>
    /// <param name="reason">Which part, and why: "its part block1, a Dropout, does not ...".</param>
    protected abstract Exception Undescribed(string reason);
}
