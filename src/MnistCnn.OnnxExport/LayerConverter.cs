using System.Collections.Frozen;
using Onnx;
using static MnistCnn.OnnxExport.OnnxAttribute;

namespace MnistCnn.OnnxExport;

/// <summary>Converts a layer of TorchSharp to ONNX nodes.</summary>
/// <param name="Name">Name of the layer's node: ONNX's operation, or the closest one.</param>
/// <param name="AddNodes">Adds the nodes; the last one computes the output.</param>
/// <remarks>Sources: https://onnx.ai/onnx/operators and https://docs.pytorch.org/docs/stable/nn.html.</remarks>
internal sealed record LayerConverter(string Name, Action<NodeBuilder, Module<Tensor, Tensor>> AddNodes)
{
    private static readonly FrozenDictionary<Type, LayerConverter> All = new[]
    {
        For<TorchSharp.Modules.Identity>("Identity"),

        For<Conv1d>("Conv", AddConvolution),
        For<Conv2d>("Conv", AddConvolution),
        For<Conv3d>("Conv", AddConvolution),
        For<ConvTranspose1d>("ConvTranspose", AddTransposedConvolution),
        For<ConvTranspose2d>("ConvTranspose", AddTransposedConvolution),
        For<ConvTranspose3d>("ConvTranspose", AddTransposedConvolution),
        For<Linear>("Gemm", AddLinear),

        For<BatchNorm1d>("BatchNormalization", AddBatchNorm),
        For<BatchNorm2d>("BatchNormalization", AddBatchNorm),
        For<BatchNorm3d>("BatchNormalization", AddBatchNorm),
        For<InstanceNorm1d>("InstanceNormalization", AddInstanceNorm),
        For<InstanceNorm2d>("InstanceNormalization", AddInstanceNorm),
        For<InstanceNorm3d>("InstanceNormalization", AddInstanceNorm),
        For<LayerNorm>("LayerNormalization", AddLayerNorm),
        For<GroupNorm>("GroupNormalization", AddGroupNorm),
        For<LocalResponseNorm>("LRN", AddLocalResponseNorm),

        For<ReLU>("Relu"),
        For<ReLU6>("Clip", (nodes, _) => nodes.Add("Clip", [nodes.Input, nodes.Number(0), nodes.Number(6)])),
        For<LeakyReLU>("LeakyRelu", layer => [Number("alpha", layer.negative_slope)]),
        For<RReLU>("LeakyRelu", layer => [Number("alpha", (layer.lower + layer.upper) / 2)]),
        For<PReLU>("PRelu", AddPReLU),
        For<ELU>("Elu", layer => [Number("alpha", layer.alpha)]),
        For<SELU>("Selu"),
        For<CELU>("Celu", layer => [Number("alpha", layer.alpha)]),
        For<GELU>("Gelu", AddGelu),
        For<SiLU>("Silu", (nodes, _) => nodes.Add("Mul", [nodes.Input, nodes.Add("Sigmoid", [nodes.Input])])),
        For<Mish>("Mish", (nodes, _) => nodes.Add("Mul", [nodes.Input, nodes.Add("Tanh", [nodes.Add("Softplus", [nodes.Input])])])),
        For<Sigmoid>("Sigmoid"),
        For<LogSigmoid>("LogSigmoid", (nodes, _) => nodes.Add("Neg", [nodes.Add("Softplus", [nodes.Add("Neg", [nodes.Input])])])),
        For<Hardsigmoid>("HardSigmoid", _ => [Number("alpha", 1.0 / 6), Number("beta", 0.5)]),
        For<Hardswish>("HardSwish", (nodes, _) => nodes.Add(
            "Mul", [nodes.Input, nodes.Add("HardSigmoid", [nodes.Input], Number("alpha", 1.0 / 6), Number("beta", 0.5))])),
        For<Tanh>("Tanh"),
        For<Hardtanh>("Clip", AddHardtanh),
        For<Tanhshrink>("Tanhshrink", (nodes, _) => nodes.Add("Sub", [nodes.Input, nodes.Add("Tanh", [nodes.Input])])),
        For<Softshrink>("Shrink", layer => [Number("lambd", layer.lambda), Number("bias", layer.lambda)]),
        For<Hardshrink>("Shrink", layer => [Number("lambd", layer.lambda)]),
        For<Threshold>("Threshold", (nodes, layer) =>
            nodes.Where(nodes.Add("Greater", [nodes.Input, nodes.Number(layer.threshold)]), nodes.Input, nodes.Number(layer.value))),
        For<Softplus>("Softplus", AddSoftplus),
        For<Softsign>("Softsign"),
        For<Softmax>("Softmax", layer => [Integer("axis", layer.dim)]),
        For<Softmin>("Softmin", (nodes, layer) =>
            nodes.Add("Softmax", [nodes.Add("Neg", [nodes.Input])], Integer("axis", layer.dim))),
        For<Softmax2d>("Softmax", _ => [Integer("axis", -3)]),
        For<LogSoftmax>("LogSoftmax", layer => [Integer("axis", layer.dim)]),
        For<GLU>("GLU", AddGlu),

        For<MaxPool1d>("MaxPool", (nodes, layer) => AddMaxPool(
            nodes, [layer.kernel_size], Single(layer.stride), Single(layer.padding), Single(layer.dilation), layer.ceil_mode)),
        For<MaxPool2d>("MaxPool", (nodes, layer) => AddMaxPool(
            nodes, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode)),
        For<MaxPool3d>("MaxPool", (nodes, layer) => AddMaxPool(
            nodes, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode)),
        For<AvgPool1d>("AveragePool", (nodes, layer) => AddAveragePool(
            nodes, [layer.kernel_size], Single(layer.stride), Single(layer.padding), layer.ceil_mode, layer.count_include_pad, null)),
        For<AvgPool2d>("AveragePool", (nodes, layer) => AddAveragePool(
            nodes, layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode, layer.count_include_pad, layer.divisor_override)),
        For<AvgPool3d>("AveragePool", (nodes, layer) => AddAveragePool(
            nodes, layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode, layer.count_include_pad, layer.divisor_override)),
        For<AdaptiveAvgPool1d>("AveragePool", (nodes, layer) => AddAdaptivePool(nodes, "AveragePool", layer.output_size)),
        For<AdaptiveAvgPool2d>("AveragePool", (nodes, layer) => AddAdaptivePool(nodes, "AveragePool", layer.output_size)),
        For<AdaptiveAvgPool3d>("AveragePool", (nodes, layer) => AddAdaptivePool(nodes, "AveragePool", layer.output_size)),
        // Not AdaptiveMaxPool3d: in TorchSharp 0.107, it fails.
        For<AdaptiveMaxPool1d>("MaxPool", (nodes, layer) => AddAdaptivePool(nodes, "MaxPool", layer.output_size)),
        For<AdaptiveMaxPool2d>("MaxPool", (nodes, layer) => AddAdaptivePool(nodes, "MaxPool", layer.output_size)),

        For<ConstantPad1d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Constant)),
        For<ConstantPad2d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Constant)),
        For<ConstantPad3d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Constant)),
        For<ZeroPad2d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Constant)),
        For<ReflectionPad1d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Reflect)),
        For<ReflectionPad2d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Reflect)),
        For<ReflectionPad3d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Reflect)),
        For<ReplicationPad1d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Replicate)),
        For<ReplicationPad2d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Replicate)),
        For<ReplicationPad3d>("Pad", (nodes, layer) => AddPad(nodes, layer, PaddingModes.Replicate)),

        For<TorchSharp.Modules.Flatten>("Flatten", AddFlatten),
        For<Unflatten>("Reshape", (nodes, _) => nodes.ReshapeToOutput(nodes.Input)),
        For<Upsample>("Resize", AddUpsample),
        For<PixelShuffle>("DepthToSpace", AddPixelShuffle),
        For<PixelUnshuffle>("SpaceToDepth", AddPixelUnshuffle),
        For<ChannelShuffle>("ChannelShuffle", AddChannelShuffle),
    }.ToFrozenDictionary(row => row.Type, row => row.Converter);

    /// <summary>Layers that can be exported.</summary>
    public static IEnumerable<Type> SupportedLayers => All.Keys;

    public static LayerConverter? Find(Module<Tensor, Tensor> layer) => All.GetValueOrDefault(layer.GetType());

    private static (Type Type, LayerConverter Converter) For<TLayer>(string name, Action<NodeBuilder, TLayer> addNodes)
        where TLayer : Module<Tensor, Tensor> =>
        (typeof(TLayer), new LayerConverter(name, (nodes, layer) => addNodes(nodes, (TLayer)layer)));

    // A layer that is one ONNX operation of its input.
    private static (Type Type, LayerConverter Converter) For<TLayer>(string operation, Func<TLayer, AttributeProto[]>? attributes = null)
        where TLayer : Module<Tensor, Tensor> =>
        For<TLayer>(operation, (nodes, layer) => nodes.Add(operation, [nodes.Input], attributes?.Invoke(layer) ?? []));

    private static void AddConvolution(NodeBuilder nodes, Convolution layer)
    {
        nodes.RequireRank(layer.kernel_size.Length + 2);
        var (begin, end) = ConvolutionPadding.Of(layer);
        var input = nodes.Input;
        if (layer.padding_mode != PaddingModes.Zeros)
        {
            input = nodes.Pad(input, begin, end, layer.padding_mode);
            begin = end = new long[begin.Length];
        }

        nodes.Add(
            "Conv",
            [input, nodes.Weight("weight", layer.weight), .. Bias(nodes, layer.bias)],
            [
                .. Window(layer.kernel_size, layer.stride, begin, end),
                Integers("dilations", layer.dilation),
                Integer("group", layer.groups),
            ]);
    }

    // TorchSharp 0.107 uses the first output padding for all dimensions.
    private static void AddTransposedConvolution(NodeBuilder nodes, Convolution layer)
    {
        nodes.RequireRank(layer.kernel_size.Length + 2);
        var padding = layer.padding ?? new long[layer.kernel_size.Length];
        nodes.Add(
            "ConvTranspose",
            [nodes.Input, nodes.Weight("weight", layer.weight), .. Bias(nodes, layer.bias)],
            [
                .. Window(layer.kernel_size, layer.stride, padding, padding),
                Integers("dilations", layer.dilation),
                Integer("group", layer.groups),
                Integers("output_padding", [.. layer.kernel_size.Select(_ => layer.output_padding[0])]),
            ]);
    }

    private static void AddLinear(NodeBuilder nodes, Linear layer)
    {
        if (nodes.HasRank(2))
        {
            nodes.Add(
                "Gemm", [nodes.Input, nodes.Weight("weight", layer.weight), .. Bias(nodes, layer.bias)], Integer("transB", 1));
            return;
        }

        var transposed = nodes.Add("Transpose", [nodes.Weight("weight", layer.weight)], Integers("perm", 1, 0));
        var product = nodes.Add("MatMul", [nodes.Input, transposed]);
        if (layer.bias is not null)
            nodes.Add("Add", [product, nodes.Weight("bias", layer.bias)]);
    }

    private static string[] Bias(NodeBuilder nodes, Tensor? bias) => bias is null ? [] : [nodes.Weight("bias", bias)];

    // Without running statistics, the statistics of the batch.
    private static void AddBatchNorm(NodeBuilder nodes, NormBase layer)
    {
        if (layer.running_mean is not null && layer.running_var is not null)
            AddNormWithStatistics(nodes, layer);
        else
        {
            long[] axes = [.. Enumerable.Range(0, nodes.Rank).Where(axis => axis != 1)];
            long[] shape = [layer.num_features, .. Enumerable.Repeat(1L, nodes.Rank - 2)];
            AddNormalization(nodes, axes, layer.eps, Reshaped("weight", layer.weight), Reshaped("bias", layer.bias));

            string? Reshaped(string name, Tensor? weight) =>
                weight is null ? null : nodes.Add("Reshape", [nodes.Weight(name, weight), nodes.Integers("shape", shape)]);
        }
    }

    private static void AddInstanceNorm(NodeBuilder nodes, NormBase layer)
    {
        if (layer.track_running_stats)
            AddNormWithStatistics(nodes, layer);
        else
            nodes.Add(
                "InstanceNormalization",
                [
                    nodes.Input,
                    nodes.WeightOr("weight", layer.weight, layer.num_features, 1),
                    nodes.WeightOr("bias", layer.bias, layer.num_features, 0),
                ],
                Number("epsilon", layer.eps));
    }

    private static void AddNormWithStatistics(NodeBuilder nodes, NormBase layer) => nodes.Add(
        "BatchNormalization",
        [
            nodes.Input,
            nodes.WeightOr("weight", layer.weight, layer.num_features, 1),
            nodes.WeightOr("bias", layer.bias, layer.num_features, 0),
            nodes.Weight("running_mean", layer.running_mean!),
            nodes.Weight("running_var", layer.running_var!),
        ],
        Number("epsilon", layer.eps));

    private static void AddLayerNorm(NodeBuilder nodes, LayerNorm layer)
    {
        var count = layer.normalized_shape.Length;
        var bias = layer.bias is null ? null : nodes.Weight("bias", layer.bias);
        if (nodes.Opset < 17)
        {
            long[] axes = [.. Enumerable.Range(-count, count)];
            AddNormalization(nodes, axes, layer.eps, layer.weight is null ? null : nodes.Weight("weight", layer.weight), bias);
            return;
        }

        var size = layer.normalized_shape.Aggregate(1L, (product, length) => product * length);
        var weight = layer.weight is not null
            ? nodes.Weight("weight", layer.weight)
            : nodes.Floats("weight", layer.normalized_shape, [.. Enumerable.Repeat(1f, (int)size)]);
        nodes.Add(
            "LayerNormalization",
            bias is null ? [nodes.Input, weight] : [nodes.Input, weight, bias],
            Integer("axis", -count),
            Number("epsilon", layer.eps));
    }

    // (x - mean) / sqrt(variance + eps) * weight + bias
    private static void AddNormalization(NodeBuilder nodes, long[] axes, double eps, string? weight, string? bias)
    {
        var centred = nodes.Add("Sub", [nodes.Input, nodes.Add("ReduceMean", [nodes.Input], Integers("axes", axes))]);
        var variance = nodes.Add("ReduceMean", [nodes.Add("Mul", [centred, centred])], Integers("axes", axes));
        var y = nodes.Add("Div", [centred, nodes.Add("Sqrt", [nodes.Add("Add", [variance, nodes.Number(eps)])])]);
        y = weight is null ? y : nodes.Add("Mul", [y, weight]);
        _ = bias is null ? y : nodes.Add("Add", [y, bias]);
    }

    // ONNX has a group normalization from opset 18 on. Instance normalization of (N, groups, all elements of a group) is the same.
    private static void AddGroupNorm(NodeBuilder nodes, GroupNorm layer)
    {
        var channels = nodes.StaticSize(1);
        var groups = nodes.Add("Reshape", [nodes.Input, nodes.Integers("shape", 0, layer.num_groups, -1)]);
        var normalized = nodes.Add(
            "InstanceNormalization",
            [
                groups,
                nodes.WeightOr("scale", null, layer.num_groups, 1),
                nodes.WeightOr("offset", null, layer.num_groups, 0),
            ],
            Number("epsilon", layer.eps));
        var y = nodes.ReshapeLike(normalized, nodes.Input);
        if (layer.affine)
        {
            var shape = nodes.Integers("shape", [channels, .. Enumerable.Repeat(1L, nodes.Rank - 2)]);
            y = nodes.Add("Mul", [y, nodes.Add("Reshape", [nodes.Weight("weight", layer.weight), shape])]);
            nodes.Add("Add", [y, nodes.Add("Reshape", [nodes.Weight("bias", layer.bias!), shape])]);
        }
    }

    // The windows of even sizes begin one channel earlier in torch.
    private static void AddLocalResponseNorm(NodeBuilder nodes, LocalResponseNorm layer)
    {
        if (layer.size % 2 == 0)
            throw nodes.Unsupported("has an even size; ONNX centres the window differently");
        nodes.Add(
            "LRN",
            [nodes.Input],
            Integer("size", layer.size),
            Number("alpha", layer.alpha),
            Number("beta", layer.beta),
            Number("bias", layer.k));
    }

    private static void AddPReLU(NodeBuilder nodes, PReLU layer)
    {
        var slope = nodes.Weight("weight", layer.weight);
        if (layer.num_parameters > 1 && nodes.Rank > 2)
            slope = nodes.Add(
                "Reshape", [slope, nodes.Integers("shape", [layer.num_parameters, .. Enumerable.Repeat(1L, nodes.Rank - 2)])]);
        nodes.Add("PRelu", [nodes.Input, slope]);
    }

    private static void AddGelu(NodeBuilder nodes, GELU layer)
    {
        var x = nodes.Input;
        var half = nodes.Add("Mul", [x, nodes.Number(0.5)]);
        var inner = layer.approximate == TorchSharp.Modules.GELU.Approximate.none
            ? nodes.Add("Erf", [nodes.Add("Mul", [x, nodes.Number(Math.Sqrt(0.5))])])
            : nodes.Add("Tanh", [nodes.Add("Mul", [Cubic(), nodes.Number(Math.Sqrt(2 / Math.PI))])]);
        nodes.Add("Mul", [half, nodes.Add("Add", [inner, nodes.Number(1)])]);

        string Cubic()
        {
            var cube = nodes.Add("Mul", [nodes.Add("Mul", [x, x]), x]);
            return nodes.Add("Add", [x, nodes.Add("Mul", [cube, nodes.Number(0.044715)])]);
        }
    }

    private static void AddHardtanh(NodeBuilder nodes, Hardtanh layer)
    {
        if (!layer.inplace)
            throw nodes.Unsupported("returns its input unchanged, an error of TorchSharp 0.107. Create it with inplace: true");
        nodes.Add("Clip", [nodes.Input, nodes.Number(layer.min_val), nodes.Number(layer.max_val)]);
    }

    // log(1 + exp(beta * x)) / beta; from the threshold on, x. At 20, the default, the two differ by 2e-9.
    private static void AddSoftplus(NodeBuilder nodes, Softplus layer)
    {
        var scaled = layer.beta == 1 ? nodes.Input : nodes.Add("Mul", [nodes.Input, nodes.Number(layer.beta)]);
        var y = nodes.Add("Softplus", [scaled]);
        y = layer.beta == 1 ? y : nodes.Add("Div", [y, nodes.Number(layer.beta)]);
        if (layer.threshold < 20)
            nodes.Where(nodes.Add("Greater", [scaled, nodes.Number(layer.threshold)]), nodes.Input, y);
    }

    private static void AddGlu(NodeBuilder nodes, GLU layer)
    {
        var axis = (int)(layer.dim < 0 ? layer.dim + nodes.Rank : layer.dim);
        var half = nodes.StaticSize(axis) / 2;
        var gate = nodes.Add("Sigmoid", [nodes.Slice(nodes.Input, axis, half, 2 * half)]);
        nodes.Add("Mul", [nodes.Slice(nodes.Input, axis, 0, half), gate]);
    }

    private static void AddMaxPool(
        NodeBuilder nodes, long[] kernel, long[]? stride, long[]? padding, long[]? dilation, bool ceilMode)
    {
        nodes.RequireRank(kernel.Length + 2);
        padding ??= new long[kernel.Length];
        nodes.Add(
            "MaxPool",
            [nodes.Input],
            [
                .. Window(kernel, stride ?? kernel, padding, padding),
                Integers("dilations", dilation ?? [.. kernel.Select(_ => 1L)]),
                Integer("ceil_mode", ceilMode ? 1 : 0),
            ]);
    }

    // ONNX has no divisor, and runtimes disagree about windows that reach over the edge: pad with zeros, average, and correct the mean.
    private static void AddAveragePool(
        NodeBuilder nodes, long[] kernel, long[]? stride, long[]? padding, bool ceilMode, bool countsPadding, long? divisor)
    {
        nodes.RequireRank(kernel.Length + 2);
        stride ??= kernel;
        padding ??= new long[kernel.Length];
        if (!ceilMode && divisor is null)
        {
            nodes.Add(
                "AveragePool",
                [nodes.Input],
                [.. Window(kernel, stride, padding, padding), Integer("count_include_pad", countsPadding ? 1 : 0)]);
            return;
        }

        var end = padding.ToArray();
        var shape = new long[kernel.Length];
        var factors = new float[][] { [1f] };
        for (var axis = 0; axis < kernel.Length; axis++)
        {
            var (size, first, length, step) = (nodes.StaticSize(axis + 2), padding[axis], kernel[axis], stride[axis]);
            shape[axis] = nodes.OutputShape[axis + 2].Size;
            end[axis] = Math.Max(first, (shape[axis] - 1) * step + length - size - first);
            var (from, to) = countsPadding ? (-first, size + first) : (0, size);
            factors = [.. factors, [.. Enumerable.Range(0, (int)shape[axis]).Select(index => Factor(index * step - first))]];

            float Factor(long start) => (float)length / (Math.Min(start + length, to) - Math.Max(start, from));
        }

        var padded = nodes.Pad(nodes.Input, padding, end, PaddingModes.Constant);
        var mean = nodes.Add("AveragePool", [padded], Window(kernel, stride, new long[kernel.Length], new long[kernel.Length]));
        nodes.Add("Mul", [mean, Correction()]);

        string Correction() => divisor is { } number
            ? nodes.Number((double)kernel.Aggregate(1L, (product, length) => product * length) / number)
            : nodes.Floats("correction", shape, factors.Aggregate((outer, inner) =>
                [.. outer.SelectMany(factor => inner.Select(other => factor * other))]));
    }

    private static void AddAdaptivePool(NodeBuilder nodes, string operation, params long[] outputSize)
    {
        nodes.RequireRank(outputSize.Length + 2);
        if (outputSize.All(size => size == 1))
        {
            nodes.Add($"Global{operation}", [nodes.Input]);
            return;
        }

        long[] window = [.. outputSize.Select((size, axis) => WindowOf(nodes.StaticSize(axis + 2), size))];
        nodes.Add(operation, [nodes.Input], Window(window, window, new long[window.Length], new long[window.Length]));

        long WindowOf(long size, long outputs) => size % outputs == 0
            ? size / outputs
            : throw nodes.Unsupported($"divides {size} positions into {outputs} unequal windows, which ONNX cannot express");
    }

    // torch lists the padding before and after each dimension, the last dimension first.
    private static void AddPad(NodeBuilder nodes, PadBase layer, PaddingModes mode)
    {
        var count = layer.padding.Length / 2;
        nodes.RequireRank(count + 2);
        nodes.Pad(
            nodes.Input,
            [.. Enumerable.Range(1, count).Select(axis => layer.padding[2 * (count - axis)])],
            [.. Enumerable.Range(1, count).Select(axis => layer.padding[2 * (count - axis) + 1])],
            mode,
            layer.value);
    }

    private static void AddFlatten(NodeBuilder nodes, TorchSharp.Modules.Flatten layer)
    {
        if (layer.start_dim == 1 && (layer.end_dim == -1 || layer.end_dim == nodes.Rank - 1))
            nodes.Add("Flatten", [nodes.Input], Integer("axis", 1));
        else
            nodes.ReshapeToOutput(nodes.Input);
    }

    private static void AddUpsample(NodeBuilder nodes, Upsample layer)
    {
        var isNearest = layer.mode == UpsampleMode.Nearest;
        AttributeProto[] attributes =
        [
            Text("mode", isNearest ? "nearest" : layer.mode == UpsampleMode.Bicubic ? "cubic" : "linear"),
            Text("coordinate_transformation_mode", isNearest ? "asymmetric" : layer.align_corners == true ? "align_corners" : "half_pixel"),
            .. isNearest ? [Text("nearest_mode", "floor")] : (AttributeProto[])[],
            .. layer.mode == UpsampleMode.Bicubic ? [Number("cubic_coeff_a", -0.75)] : (AttributeProto[])[],
        ];
        if (layer.scale_factor.Length > 0 && layer.recompute_scale_factor != true)
        {
            float[] scales = [1, 1, .. layer.scale_factor.ToArray().Select(scale => (float)scale)];
            nodes.Add("Resize", [nodes.Input, "", nodes.Floats("scales", [scales.Length], scales)], attributes);
            return;
        }

        // The batch and the channels keep their sizes.
        long[] sizes =
        [
            .. nodes.OutputShape.Skip(2).Select(axis =>
                axis.IsDynamic ? throw nodes.Unsupported("computes its size from a dynamic axis") : axis.Size),
        ];
        var first = nodes.Slice(nodes.Add("Shape", [nodes.Input]), 0, 0, 2);
        var allSizes = nodes.Add("Concat", [first, nodes.Integers("sizes", sizes)], Integer("axis", 0));
        nodes.Add("Resize", [nodes.Input, "", "", allSizes], attributes);
    }

    private static void AddPixelShuffle(NodeBuilder nodes, PixelShuffle layer)
    {
        nodes.RequireRank(4);
        nodes.Add("DepthToSpace", [nodes.Input], Integer("blocksize", layer.upscale_factor), Text("mode", "CRD"));
    }

    // ONNX's SpaceToDepth puts the channels in another order.
    private static void AddPixelUnshuffle(NodeBuilder nodes, PixelUnshuffle layer)
    {
        nodes.RequireRank(4);
        var (channels, height, width, factor) = (nodes.StaticSize(1), nodes.StaticSize(2), nodes.StaticSize(3), layer.downscale_factor);
        var shape = nodes.Integers("shape", 0, channels, height / factor, factor, width / factor, factor);
        var blocks = nodes.Add(
            "Transpose", [nodes.Add("Reshape", [nodes.Input, shape])], Integers("perm", 0, 1, 3, 5, 2, 4));
        nodes.ReshapeToOutput(blocks);
    }

    private static void AddChannelShuffle(NodeBuilder nodes, ChannelShuffle layer)
    {
        var shape = nodes.Integers("shape", 0, layer.groups, nodes.StaticSize(1) / layer.groups, -1);
        var shuffled = nodes.Add(
            "Transpose", [nodes.Add("Reshape", [nodes.Input, shape])], Integers("perm", 0, 2, 1, 3));
        nodes.ReshapeLike(shuffled, nodes.Input);
    }

    private static long[]? Single(long? value) => value is { } number ? [number] : null;
}

/// <summary>Padding before and after each spatial dimension of a convolution.</summary>
internal static class ConvolutionPadding
{
    public static (long[] Begin, long[] End) Of(Convolution layer)
    {
        if (layer.padding is { } padding)
            return (padding, padding);
        if (layer.padding_type != TorchSharp.Padding.Same)
            return (new long[layer.kernel_size.Length], new long[layer.kernel_size.Length]);

        // TorchSharp 0.107 pads with values other than zeros in the order of the dimensions, and torch expects the last dimension first.
        long[] totals = [.. layer.kernel_size.Zip(layer.dilation, (size, dilation) => dilation * (size - 1))];
        if (layer.padding_mode != PaddingModes.Zeros)
            Array.Reverse(totals);
        return ([.. totals.Select(total => total / 2)], [.. totals.Select(total => total - total / 2)]);
    }
}
