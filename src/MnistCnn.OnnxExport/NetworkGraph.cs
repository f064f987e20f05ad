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
        moduleNames = new Dictionary<Module, string>(ReferenceEqualityComparer.Instance) { [network] = "" };
        foreach (var (name, module) in network.named_modules())
            moduleNames.TryAdd(module, name); // a module that is registered twice has its first name
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

    /// <summary>Whether the module belongs to the network, so that its weights have names in the state dictionary.</summary>
    public bool IsRegistered(Module module) => moduleNames.ContainsKey(module);

    internal GraphNode Call(Module<Tensor, Tensor> module, GraphValue x)
    {
        var caller = currentModule;
        if (moduleNames.TryGetValue(module, out var name))
            currentModule = name;
        var y = module switch
        {
            TraceableModule traceable => (GraphNode)traceable.forward(x),
            Sequential modules when HasForwardOfSequential(modules) =>
                modules.children().Aggregate((GraphNode)x, (value, next) => CallChild(next, value)),
            Dropout _ or Dropout1d _ or Dropout2d _ or Dropout3d _ or AlphaDropout _ or FeatureAlphaDropout _ => (GraphNode)x,
            _ when Operation.Layer.IsSupported(module) => Add(new Operation.Layer(module), [(GraphNode)x]),
            _ => throw Unsupported(module),
        };
        currentModule = caller;
        return y;
    }

    private GraphNode CallChild(Module child, GraphNode x)
    {
        if (child is Module<Tensor, Tensor> module)
            return Call(module, x);
        currentModule = moduleNames[child];
        throw Unsupported(child);
    }

    private NotSupportedException Unsupported(Module module) => new(
        $"{Describe(currentModule)} is of type {module.GetType().Name}, which cannot be exported. Build it from standard layers, or derive "
        + $"it from {nameof(TraceableModule)}.");

    /// <summary>The module as the subject of a message.</summary>
    public static string Describe(string module) => module == "" ? "The module" : $"The module '{module}'";

    private static bool HasForwardOfSequential(Sequential module) =>
        module.GetType().GetMethod(nameof(TraceableModule.forward), [typeof(Tensor)])?.DeclaringType == typeof(Sequential);

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

    internal override GraphValue Call(Module<Tensor, Tensor> module) => graph.Call(module, this);

    internal override GraphValue Apply(Operation operation, IReadOnlyList<GraphValue> inputs) =>
        graph.Add(operation, [.. inputs.Cast<GraphNode>()]);
}
