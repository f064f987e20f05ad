namespace MnistCnn.OnnxExport;

/// <summary>
/// A module whose forward pass is written once, on <see cref="GraphValue"/>s. Called with a tensor, it computes;
/// <see cref="OnnxExporter"/> calls it with a placeholder and records its operations. PyTorch's torch.fx traces modules in the same way.
/// </summary>
/// <example>
/// <code>
/// class Residual : TraceableModule
/// {
///     private readonly Conv2d conv = Conv2d(8, 8, kernel_size: 3, padding: 1);
///
///     public Residual() : base(nameof(Residual)) => RegisterComponents();
///
///     public override GraphValue forward(GraphValue x) => relu(conv.call(x) + x);
/// }
/// </code>
/// </example>
public abstract class TraceableModule : Module<Tensor, Tensor>
{
    /// <summary>Creates the module; the derived constructor registers its submodules with <c>RegisterComponents</c>.</summary>
    /// <param name="name">Name of the module's kind, as in <see cref="Module.GetName"/>.</param>
    protected TraceableModule(string name)
        : base(name)
    {
    }

    /// <summary>Computes the output with <see cref="forward(GraphValue)"/>.</summary>
    /// <param name="x">The input.</param>
    /// <returns>The output, which belongs to the caller.</returns>
    public sealed override Tensor forward(Tensor x) => ((TensorValue)forward(new TensorValue(x))).Tensor;

    /// <summary>The forward pass, composed of modules, the functions of <see cref="Functional"/> and arithmetic.</summary>
    /// <remarks>Tracing calls this method once, without a tensor, in evaluation mode: branches must not depend on the values.</remarks>
    /// <param name="x">The input.</param>
    /// <returns>The output.</returns>
    public abstract GraphValue forward(GraphValue x);
}

/// <summary>
/// A value in the forward pass of a <see cref="TraceableModule"/>: a tensor while the module computes, and a placeholder while it is
/// traced.
/// </summary>
public abstract class GraphValue
{
    private protected GraphValue()
    {
    }

    /// <summary>Adds two values; their shapes are equal or can be broadcast.</summary>
    /// <param name="x">First summand.</param>
    /// <param name="y">Second summand.</param>
    /// <returns>The sum.</returns>
    public static GraphValue operator +(GraphValue x, GraphValue y) => new Operation.Add().Apply(x, y);

    /// <summary>Subtracts two values; their shapes are equal or can be broadcast.</summary>
    /// <param name="x">Minuend.</param>
    /// <param name="y">Subtrahend.</param>
    /// <returns>The difference.</returns>
    public static GraphValue operator -(GraphValue x, GraphValue y) => new Operation.Sub().Apply(x, y);

    /// <summary>Multiplies two values elementwise; their shapes are equal or can be broadcast.</summary>
    /// <param name="x">First factor.</param>
    /// <param name="y">Second factor.</param>
    /// <returns>The product.</returns>
    public static GraphValue operator *(GraphValue x, GraphValue y) => new Operation.Mul().Apply(x, y);

    /// <summary>The output of a module for this value.</summary>
    internal abstract GraphValue Call(Module<Tensor, Tensor> module);

    /// <summary>The output of an operation; <paramref name="inputs"/> are of the same class as this value.</summary>
    internal abstract GraphValue Apply(Operation operation, IReadOnlyList<GraphValue> inputs);
}

/// <summary>A value that is computed at once.</summary>
internal sealed class TensorValue(Tensor tensor) : GraphValue
{
    public Tensor Tensor => tensor;

    internal override GraphValue Call(Module<Tensor, Tensor> module) => new TensorValue(module.call(tensor));

    internal override GraphValue Apply(Operation operation, IReadOnlyList<GraphValue> inputs) =>
        new TensorValue(operation.Compute([.. inputs.Select(input => ((TensorValue)input).Tensor)]));
}
