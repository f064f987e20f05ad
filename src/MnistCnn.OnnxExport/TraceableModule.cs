namespace MnistCnn.OnnxExport;

/// <summary>
/// A module whose forward pass is written once, on <see cref="GraphValue"/>s: it computes when it is called with a tensor, and
/// <see cref="NetworkGraph.Trace"/> records its operations. PyTorch's torch.fx traces modules in the same way.
/// </summary>
internal abstract class TraceableModule(string name) : Module<Tensor, Tensor>(name)
{
    public sealed override Tensor forward(Tensor x) => ((TensorValue)forward(new TensorValue(x))).Tensor;

    /// <summary>The forward pass, composed of modules and the functions of <see cref="Functional"/>.</summary>
    public abstract GraphValue forward(GraphValue x);
}

/// <summary>
/// A value in the forward pass of a <see cref="TraceableModule"/>: feature maps (N, C, H, W) or, after flattening, rows (N, features),
/// float32. It is a <see cref="TensorValue"/> while the module computes and a <see cref="GraphNode"/> while it is traced.
/// </summary>
internal abstract class GraphValue
{
    public static GraphValue operator +(GraphValue x, GraphValue y) => new Operation.Add().Apply(x, y);

    /// <summary>The output of a module for this value.</summary>
    public abstract GraphValue Call(Module<Tensor, Tensor> module);

    /// <summary>The output of an operation; <paramref name="inputs"/> are of the same class as this value.</summary>
    public abstract GraphValue Apply(Operation operation, IReadOnlyList<GraphValue> inputs);
}

/// <summary>A value that is computed at once.</summary>
internal sealed class TensorValue(Tensor tensor) : GraphValue
{
    public Tensor Tensor => tensor;

    public override GraphValue Call(Module<Tensor, Tensor> module) => new TensorValue(module.call(tensor));

    public override GraphValue Apply(Operation operation, IReadOnlyList<GraphValue> inputs) =>
        new TensorValue(operation.Compute([.. inputs.Select(input => ((TensorValue)input).Tensor)]));
}
