namespace MnistCnn.OnnxExport;

/// <summary>
/// The operations of a network's forward pass in evaluation mode. Tracing computes nothing, so the weights may be on the meta device.
/// </summary>
internal sealed class NetworkGraph
{
    private readonly Dictionary<Module, string> moduleNames;
    private readonly List<GraphNode> nodes = [];
    private readonly HashSet<string> nodeNames = [];
    private string currentModule = "";

    private NetworkGraph(Module<Tensor, Tensor> network, string inputName)
    {
        moduleNames = network.named_modules().ToDictionary(named => named.module, named => named.name);
        var input = new GraphNode(this, inputName, "", new Operation.Input(), []);
        nodes.Add(input);
        nodeNames.Add(inputName);
        Output = Call(network, input);
    }

    /// <summary>In the order of the forward pass, so that each node comes after its inputs. The first one is the network's input.</summary>
    public IReadOnlyList<GraphNode> Nodes => nodes;

    public GraphNode Output { get; }

    /// <exception cref="NotSupportedException">The network contains a module that cannot be traced.</exception>
    public static NetworkGraph Trace(Module<Tensor, Tensor> network, string inputName = "image") => new(network, inputName);

    internal GraphNode Call(Module<Tensor, Tensor> module, GraphNode x)
    {
        var caller = currentModule;
        currentModule = moduleNames.GetValueOrDefault(module, "");
        var y = module switch
        {
            TraceableModule traceable => (GraphNode)traceable.forward(x),
            Sequential modules => modules.children().Cast<Module<Tensor, Tensor>>().Aggregate(x, (value, next) => Call(next, value)),
            Dropout _ => x,
            _ when Operation.Layer.IsSupported(module) => Add(new Operation.Layer(module), [x]),
            _ => throw new NotSupportedException(
                $"{(currentModule == "" ? "The network" : $"Its module {currentModule}")}, a {module.GetType().Name}, cannot be traced: "
                + $"it must derive from {nameof(TraceableModule)}."),
        };
        currentModule = caller;
        return y;
    }

    internal GraphNode Add(Operation operation, IReadOnlyList<GraphNode> inputs)
    {
        var firstName = $"{currentModule}.{operation.Name}".TrimStart('.').Replace('.', '/');
        var name = firstName;
        for (var count = 1; !nodeNames.Add(name); count++)
            name = $"{firstName}_{count}";
        var node = new GraphNode(this, name, currentModule, operation, inputs);
        nodes.Add(node);
        return node;
    }
}

/// <summary>An operation in a <see cref="NetworkGraph"/>, and its output.</summary>
/// <param name="name">
/// Unique in the graph. Starts with the module, <c>inceptionA/branch5x5_1/Conv</c>; the second operation of a kind in one module is
/// <c>Conv_1</c>.
/// </param>
/// <param name="module">Name of the innermost module around the operation, as in the state dictionary; "" is the network itself.</param>
internal sealed class GraphNode(NetworkGraph graph, string name, string module, Operation operation, IReadOnlyList<GraphNode> inputs)
    : GraphValue
{
    public string Name => name;

    public string Module => module;

    public Operation Operation => operation;

    public IReadOnlyList<GraphNode> Inputs => inputs;

    public override GraphValue Call(Module<Tensor, Tensor> module) => graph.Call(module, this);

    public override GraphValue Apply(Operation operation, IReadOnlyList<GraphValue> inputs) =>
        graph.Add(operation, [.. inputs.Cast<GraphNode>()]);
}
