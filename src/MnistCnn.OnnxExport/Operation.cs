using static TorchSharp.torch.nn.functional;

namespace MnistCnn.OnnxExport;

/// <summary>One operation of a network, with ONNX's name for it.</summary>
internal abstract record Operation(string Name)
{
    /// <summary>Extent of the input window of one output pixel; null if the operation has no sliding window.</summary>
    public virtual Window? Window => null;

    public abstract Tensor Compute(Tensor[] inputs);

    public GraphValue Apply(params IReadOnlyList<GraphValue> inputs) => inputs[0].Apply(this, inputs);

    /// <summary>The input of the network.</summary>
    internal sealed record Input() : Operation("Input")
    {
        public override Tensor Compute(Tensor[] inputs) => inputs[0];
    }

    /// <summary>A layer of torch's own in <see cref="LayerConverter"/>'s table.</summary>
    internal sealed record Layer(Module<Tensor, Tensor> Module) : Operation(LayerConverter.Find(Module)!.Name)
    {
        public override Window? Window => Module switch
        {
            Conv2d layer => new Window(layer.kernel_size, layer.stride, ConvolutionPadding.Of(layer).Begin, layer.dilation),
            MaxPool2d layer => Pooling(layer.kernel_size, layer.stride, layer.padding, layer.dilation),
            AvgPool2d layer => Pooling(layer.kernel_size, layer.stride, layer.padding, null),
            _ => null,
        };

        public static bool IsSupported(Module<Tensor, Tensor> module) => LayerConverter.Find(module) is not null;

        public override Tensor Compute(Tensor[] inputs) => Module.call(inputs[0]);

        private static Window Pooling(long[] kernel, long[]? stride, long[]? padding, long[]? dilation) =>
            new(kernel, stride ?? kernel, padding ?? [0, 0], dilation ?? [1, 1]);
    }

    internal sealed record Relu() : Operation(nameof(Relu))
    {
        public override Tensor Compute(Tensor[] inputs) => relu(inputs[0]);
    }

    /// <summary>Maximum of each window, ignoring the padding.</summary>
    /// <param name="CeilMode">Rounds the output size up: a last window may reach over the right or lower edge of the padding.</param>
    internal sealed record MaxPool(Window Pooled, bool CeilMode) : Operation(nameof(MaxPool))
    {
        public override Window Window => Pooled;

        public override Tensor Compute(Tensor[] inputs) =>
            max_pool2d(inputs[0], Pooled.Kernel, Pooled.Stride, Pooled.Padding, ceil_mode: CeilMode);
    }

    /// <summary>Mean of each window; padding counts as zeros.</summary>
    internal sealed record AveragePool(Window Pooled) : Operation(nameof(AveragePool))
    {
        public override Window Window => Pooled;

        public override Tensor Compute(Tensor[] inputs) => avg_pool2d(inputs[0], Pooled.Kernel, Pooled.Stride, Pooled.Padding);
    }

    /// <summary>Mean of each feature map: (N, C, 1, 1).</summary>
    internal sealed record GlobalAveragePool() : Operation(nameof(GlobalAveragePool))
    {
        public override Tensor Compute(Tensor[] inputs) => adaptive_avg_pool2d(inputs[0], 1);
    }

    internal sealed record Concat(int Dim) : Operation(nameof(Concat))
    {
        public override Tensor Compute(Tensor[] inputs) => cat(inputs, Dim);
    }

    /// <summary>Appends <paramref name="Count"/> channels of zeros: (N, C + Count, H, W).</summary>
    internal sealed record PadChannels(int Count) : Operation("Pad")
    {
        public override Tensor Compute(Tensor[] inputs) => pad(inputs[0], [0, 0, 0, 0, 0, Count]);
    }

    internal sealed record Add() : Operation(nameof(Add))
    {
        // TorchSharp 0.107's x + y makes a temporary Scalar, which may be finalized during the call: once in some thousand calls it threw
        // "Expected false to be true" while other threads collected garbage. This Scalar lives on.
        private static readonly Scalar One = 1;

        public override Tensor Compute(Tensor[] inputs) => inputs[0].add(inputs[1], One);
    }

    internal sealed record Sub() : Operation(nameof(Sub))
    {
        public override Tensor Compute(Tensor[] inputs) => inputs[0].sub(inputs[1]);
    }

    internal sealed record Mul() : Operation(nameof(Mul))
    {
        public override Tensor Compute(Tensor[] inputs) => inputs[0].mul(inputs[1]);
    }

    /// <summary>All feature maps of an image in one row: (N, C * H * W).</summary>
    internal sealed record Flatten() : Operation(nameof(Flatten))
    {
        public override Tensor Compute(Tensor[] inputs) => inputs[0].flatten(start_dim: 1);
    }
}

/// <summary>The sliding window of a convolution or of pooling, in pixels: height and width of each.</summary>
/// <param name="Padding">Rows above and below, columns left and right.</param>
internal sealed record Window(long[] Kernel, long[] Stride, long[] Padding, long[] Dilation)
{
    public static Window Square(int kernelSize, int? stride, int padding) =>
        new([kernelSize, kernelSize], [stride ?? kernelSize, stride ?? kernelSize], [padding, padding], [1, 1]);
}
