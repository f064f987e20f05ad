namespace MnistCnn.OnnxExport;

/// <summary>
/// The functions of a <see cref="TraceableModule"/>'s forward pass, named as in PyTorch. For other operations, call a layer: a module
/// without parameters, such as <c>Sigmoid()</c>, need not be registered.
/// </summary>
public static class Functional
{
    /// <summary>Calls a module, as <see cref="Module{T1, TResult}.call"/> does for tensors.</summary>
    /// <param name="module">
    /// A standard layer, a <c>Sequential</c> or a <see cref="TraceableModule"/>. A module with parameters must be registered.
    /// </param>
    /// <param name="x">The input.</param>
    /// <returns>The output of the module.</returns>
    public static GraphValue call(this Module<Tensor, Tensor> module, GraphValue x) => x.Call(module);

    /// <summary>Maximum of 0 and each element.</summary>
    /// <param name="x">Values of any shape.</param>
    /// <returns>Values of the same shape.</returns>
    public static GraphValue relu(GraphValue x) => new Operation.Relu().Apply(x);

    /// <summary>Maximum of each window, ignoring the padding.</summary>
    /// <param name="x">Feature maps (N, C, H, W).</param>
    /// <param name="kernel_size">Height and width of the window.</param>
    /// <param name="stride">Distance of the windows; if null, <paramref name="kernel_size"/>.</param>
    /// <param name="padding">Rows and columns that are added at each edge.</param>
    /// <param name="ceil_mode">Rounds the output size up: the last window may reach over the edge.</param>
    /// <returns>Feature maps (N, C, H', W').</returns>
    public static GraphValue max_pool2d(GraphValue x, int kernel_size, int? stride = null, int padding = 0, bool ceil_mode = false) =>
        new Operation.MaxPool(Window.Square(kernel_size, stride, padding), ceil_mode).Apply(x);

    /// <summary>Mean of each window; padding counts as zeros.</summary>
    /// <param name="x">Feature maps (N, C, H, W).</param>
    /// <param name="kernel_size">Height and width of the window.</param>
    /// <param name="stride">Distance of the windows; if null, <paramref name="kernel_size"/>.</param>
    /// <param name="padding">Rows and columns of zeros that are added at each edge.</param>
    /// <returns>Feature maps (N, C, H', W').</returns>
    public static GraphValue avg_pool2d(GraphValue x, int kernel_size, int? stride = null, int padding = 0) =>
        new Operation.AveragePool(Window.Square(kernel_size, stride, padding)).Apply(x);

    /// <summary>Mean of each feature map: <c>adaptive_avg_pool2d(x, 1)</c>.</summary>
    /// <param name="x">Feature maps (N, C, H, W).</param>
    /// <returns>Feature maps (N, C, 1, 1).</returns>
    public static GraphValue global_avg_pool2d(GraphValue x) => new Operation.GlobalAveragePool().Apply(x);

    /// <summary>Concatenates values along a dimension.</summary>
    /// <param name="values">Values whose other dimensions are equal.</param>
    /// <param name="dim">The dimension.</param>
    /// <returns>The concatenated values.</returns>
    public static GraphValue cat(IReadOnlyList<GraphValue> values, int dim) => new Operation.Concat(dim).Apply(values);

    /// <summary>Appends channels of zeros.</summary>
    /// <param name="x">Feature maps (N, C, H, W).</param>
    /// <param name="count">Number of new channels.</param>
    /// <returns>Feature maps (N, C + count, H, W).</returns>
    public static GraphValue pad_channels(GraphValue x, int count) => new Operation.PadChannels(count).Apply(x);

    /// <summary>Puts all feature maps of an image in one row: <c>x.flatten(start_dim: 1)</c>.</summary>
    /// <param name="x">Feature maps (N, C, H, W), or values of another shape with the batch first.</param>
    /// <returns>Rows (N, C * H * W).</returns>
    public static GraphValue flatten(GraphValue x) => new Operation.Flatten().Apply(x);
}
