namespace MnistCnn.OnnxExport;

/// <summary>The functions of a <see cref="TraceableModule"/>'s forward pass, named as in PyTorch.</summary>
internal static class Functional
{
    public static GraphValue call(this Module<Tensor, Tensor> module, GraphValue x) => x.Call(module);

    public static GraphValue relu(GraphValue x) => new Operation.Relu().Apply(x);

    public static GraphValue max_pool2d(GraphValue x, int kernel_size, int? stride = null, int padding = 0, bool ceil_mode = false) =>
        new Operation.MaxPool(Window.Square(kernel_size, stride, padding), ceil_mode).Apply(x);

    public static GraphValue avg_pool2d(GraphValue x, int kernel_size, int? stride = null, int padding = 0) =>
        new Operation.AveragePool(Window.Square(kernel_size, stride, padding)).Apply(x);

    /// <summary>Mean of each feature map, (N, C, 1, 1): <c>adaptive_avg_pool2d(x, 1)</c>.</summary>
    public static GraphValue global_avg_pool2d(GraphValue x) => new Operation.GlobalAveragePool().Apply(x);

    public static GraphValue cat(IReadOnlyList<GraphValue> values, int dim) => new Operation.Concat(dim).Apply(values);

    /// <summary>Appends <paramref name="count"/> channels of zeros.</summary>
    public static GraphValue pad_channels(GraphValue x, int count) => new Operation.PadChannels(count).Apply(x);

    /// <summary>All feature maps of an image in one row, (N, C * H * W): <c>x.flatten(start_dim: 1)</c>.</summary>
    public static GraphValue flatten(GraphValue x) => new Operation.Flatten().Apply(x);
}
