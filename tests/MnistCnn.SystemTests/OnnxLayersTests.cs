using MnistCnn.OnnxExport;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.SystemTests;

/// <summary>Every layer that can be exported has the same output in ONNX Runtime as in TorchSharp, for random shapes and options.</summary>
public sealed class OnnxLayersTests : IDisposable
{
    private const int Combinations = 12;

    // float32 has a relative precision of 6e-8. The longest sums here have some hundred terms, which are added in another order.
    private const double Tolerance = 2e-5;

    private static readonly PaddingModes[] PaddingModesOfConvolutions =
        [PaddingModes.Zeros, PaddingModes.Reflect, PaddingModes.Replicate, PaddingModes.Circular];

    private readonly TemporaryFolder folder = new();

    static OnnxLayersTests() => NativeLibraries.Load();

    /// <summary>Each creates a layer with random options, and the shape of an input for it.</summary>
    private static readonly Dictionary<Type, Func<RandomOptions, (Module<Tensor, Tensor> Layer, long[] InputShape)>> Cases = new()
    {
        [typeof(TorchSharp.Modules.Identity)] = random => (Identity(), random.Shape(random.Next(2, 5))),

        [typeof(Conv1d)] = random => Convolution(random, 1),
        [typeof(Conv2d)] = random => Convolution(random, 2),
        [typeof(Conv3d)] = random => Convolution(random, 3),
        [typeof(ConvTranspose1d)] = random => TransposedConvolution(random, 1),
        [typeof(ConvTranspose2d)] = random => TransposedConvolution(random, 2),
        [typeof(ConvTranspose3d)] = random => TransposedConvolution(random, 3),
        [typeof(Linear)] = random =>
        {
            var shape = random.Shape(random.Next(2, 5));
            return (Linear(shape[^1], random.Next(1, 6), random.Chance()), shape);
        },

        [typeof(BatchNorm1d)] = random => Norm(random.Shape(random.Next(2, 4)), shape => BatchNorm1d(
            shape[1], random.Real(1e-5, 1e-2), affine: random.Chance(), track_running_stats: random.Chance())),
        [typeof(BatchNorm2d)] = random => Norm(random.Shape(4), shape => BatchNorm2d(
            shape[1], random.Real(1e-5, 1e-2), affine: random.Chance(), track_running_stats: random.Chance())),
        [typeof(BatchNorm3d)] = random => Norm(random.Shape(5), shape => BatchNorm3d(
            shape[1], random.Real(1e-5, 1e-2), affine: random.Chance(), track_running_stats: random.Chance())),
        [typeof(InstanceNorm1d)] = random => Norm(random.Shape(3), shape => InstanceNorm1d(
            shape[1], random.Real(1e-5, 1e-2), affine: random.Chance(), track_running_stats: random.Chance())),
        [typeof(InstanceNorm2d)] = random => Norm(random.Shape(4), shape => InstanceNorm2d(
            shape[1], random.Real(1e-5, 1e-2), affine: random.Chance(), track_running_stats: random.Chance())),
        [typeof(InstanceNorm3d)] = random => Norm(random.Shape(5), shape => InstanceNorm3d(
            shape[1], random.Real(1e-5, 1e-2), affine: random.Chance(), track_running_stats: random.Chance())),
        [typeof(LayerNorm)] = random => Norm(random.Shape(random.Next(2, 5)), shape => LayerNorm(
            shape[^random.Next(1, shape.Length)..], random.Real(1e-5, 1e-2), elementwise_affine: random.Chance(), bias: random.Chance())),
        [typeof(GroupNorm)] = random =>
        {
            var groups = random.Next(1, 4);
            var shape = random.Shape(random.Next(3, 6));
            shape[1] = groups * random.Next(1, 4);
            return Norm(shape, _ => GroupNorm(groups, shape[1], random.Real(1e-5, 1e-2), affine: random.Chance()));
        },
        [typeof(LocalResponseNorm)] = random =>
        (
            LocalResponseNorm(2 * random.Next(0, 3) + 1, random.Real(0.001, 1), random.Real(0.5, 1), random.Real(0.5, 2)),
            random.Shape(4)),

        [typeof(ReLU)] = random => (ReLU(inplace: random.Chance()), random.AnyShape()),
        [typeof(ReLU6)] = random => (ReLU6(), random.AnyShape()),
        [typeof(LeakyReLU)] = random => (LeakyReLU(random.Real(0.01, 0.5)), random.AnyShape()),
        [typeof(RReLU)] = random => (RReLU(random.Real(0.1, 0.2), random.Real(0.3, 0.4)), random.AnyShape()),
        [typeof(PReLU)] = random =>
        {
            var shape = random.AnyShape();
            return (PReLU(random.Chance() ? 1 : shape[1], random.Real(0.1, 0.9)), shape);
        },
        [typeof(ELU)] = random => (ELU(random.Real(0.1, 2)), random.AnyShape()),
        [typeof(SELU)] = random => (SELU(), random.AnyShape()),
        [typeof(CELU)] = random => (CELU(random.Real(0.1, 2)), random.AnyShape()),
        [typeof(GELU)] = random => (
            GELU(random.Chance() ? TorchSharp.Modules.GELU.Approximate.none : TorchSharp.Modules.GELU.Approximate.tanh), random.AnyShape()),
        [typeof(SiLU)] = random => (SiLU(), random.AnyShape()),
        [typeof(Mish)] = random => (Mish(), random.AnyShape()),
        [typeof(Sigmoid)] = random => (Sigmoid(), random.AnyShape()),
        [typeof(LogSigmoid)] = random => (LogSigmoid(), random.AnyShape()),
        [typeof(Hardsigmoid)] = random => (Hardsigmoid(), random.AnyShape()),
        [typeof(Hardswish)] = random => (Hardswish(), random.AnyShape()),
        [typeof(Tanh)] = random => (Tanh(), random.AnyShape()),
        [typeof(Hardtanh)] = random => (Hardtanh(random.Real(-2, -0.5), random.Real(0.5, 2), inplace: true), random.AnyShape()),
        [typeof(Tanhshrink)] = random => (Tanhshrink(), random.AnyShape()),
        [typeof(Softshrink)] = random => (Softshrink(random.Real(0.1, 1)), random.AnyShape()),
        [typeof(Hardshrink)] = random => (Hardshrink(random.Real(0.1, 1)), random.AnyShape()),
        [typeof(Threshold)] = random => (Threshold(random.Real(-1, 1), random.Real(-3, 3)), random.AnyShape()),
        [typeof(Softplus)] = random => (
            random.Chance() ? Softplus() : Softplus(random.Real(0.5, 2), random.Real(0.5, 3)), random.AnyShape()),
        [typeof(Softsign)] = random => (Softsign(), random.AnyShape()),
        [typeof(Softmax)] = random => OverDimension(random, Softmax),
        [typeof(Softmin)] = random => OverDimension(random, Softmin),
        [typeof(LogSoftmax)] = random => OverDimension(random, LogSoftmax),
        [typeof(Softmax2d)] = random => (Softmax2d(), random.Shape(4)),
        [typeof(GLU)] = random =>
        {
            var shape = random.AnyShape();
            var dim = random.Next(1, shape.Length);
            shape[dim] *= 2;
            return (GLU(random.Chance() ? dim : dim - shape.Length), shape);
        },

        [typeof(MaxPool1d)] = random => Pool(random, 1, (kernel, stride, padding, dilation, ceil) =>
            MaxPool1d(kernel[0], stride?[0], padding[0], dilation[0], ceil)),
        [typeof(MaxPool2d)] = random => Pool(random, 2, (kernel, stride, padding, dilation, ceil) =>
            MaxPool2d(kernel, stride, padding, dilation, ceil)),
        [typeof(MaxPool3d)] = random => Pool(random, 3, (kernel, stride, padding, dilation, ceil) =>
            MaxPool3d(kernel, stride, padding, dilation, ceil)),
        [typeof(AvgPool1d)] = random => Pool(random, 1, (kernel, stride, padding, _, ceil) =>
            AvgPool1d(kernel[0], stride?[0], padding[0], ceil, count_include_pad: random.Chance())),
        [typeof(AvgPool2d)] = random => Pool(random, 2, (kernel, stride, padding, _, ceil) =>
            AvgPool2d(kernel, stride ?? kernel, padding, ceil, random.Chance(), random.Chance() ? random.Next(1, 6) : null)),
        [typeof(AvgPool3d)] = random => Pool(random, 3, (kernel, stride, padding, _, ceil) =>
            AvgPool3d(kernel, stride ?? kernel, padding, ceil, random.Chance(), random.Chance() ? random.Next(1, 6) : null)),
        [typeof(AdaptiveAvgPool1d)] = random => AdaptivePool(random, 1, size => AdaptiveAvgPool1d(size[0])),
        [typeof(AdaptiveAvgPool2d)] = random => AdaptivePool(random, 2, AdaptiveAvgPool2d),
        [typeof(AdaptiveAvgPool3d)] = random => AdaptivePool(random, 3, AdaptiveAvgPool3d),
        [typeof(AdaptiveMaxPool1d)] = random => AdaptivePool(random, 1, size => AdaptiveMaxPool1d(size[0])),
        [typeof(AdaptiveMaxPool2d)] = random => AdaptivePool(random, 2, AdaptiveMaxPool2d),

        [typeof(ConstantPad1d)] = random => Pad(random, 1, -1, p => ConstantPad1d((p[0], p[1]), random.Real(-2, 2))),
        [typeof(ConstantPad2d)] = random => Pad(random, 2, -1, p => ConstantPad2d((p[0], p[1], p[2], p[3]), random.Real(-2, 2))),
        [typeof(ConstantPad3d)] = random =>
            Pad(random, 3, -1, p => ConstantPad3d((p[0], p[1], p[2], p[3], p[4], p[5]), random.Real(-2, 2))),
        [typeof(ZeroPad2d)] = random => Pad(random, 2, -1, p => ZeroPad2d((p[0], p[1], p[2], p[3]))),
        [typeof(ReflectionPad1d)] = random => Pad(random, 1, 0, p => ReflectionPad1d((p[0], p[1]))),
        [typeof(ReflectionPad2d)] = random => Pad(random, 2, 0, p => ReflectionPad2d((p[0], p[1], p[2], p[3]))),
        [typeof(ReflectionPad3d)] = random => Pad(random, 3, 0, p => ReflectionPad3d((p[0], p[1], p[2], p[3], p[4], p[5]))),
        [typeof(ReplicationPad1d)] = random => Pad(random, 1, 0, p => ReplicationPad1d((p[0], p[1]))),
        [typeof(ReplicationPad2d)] = random => Pad(random, 2, 0, p => ReplicationPad2d((p[0], p[1], p[2], p[3]))),
        [typeof(ReplicationPad3d)] = random => Pad(random, 3, 0, p => ReplicationPad3d((p[0], p[1], p[2], p[3], p[4], p[5]))),

        [typeof(TorchSharp.Modules.Flatten)] = random =>
        {
            var shape = random.Shape(random.Next(2, 6));
            var start = random.Next(0, shape.Length - 1);
            var end = random.Next(start, shape.Length);
            return (Flatten(start, random.Chance() ? end : end - shape.Length), shape);
        },
        [typeof(Unflatten)] = random =>
        {
            var (shape, first, second) = (random.AnyShape(), random.Next(1, 4), random.Next(1, 4));
            var dim = random.Next(1, shape.Length);
            shape[dim] = first * second;
            return (Unflatten(dim, [first, random.Chance() ? second : -1]), shape);
        },
        [typeof(Upsample)] = Upsampling,
        [typeof(PixelShuffle)] = random =>
        {
            var factor = random.Next(1, 4);
            return (PixelShuffle(factor), [2, factor * factor * random.Next(1, 3), random.Next(1, 5), random.Next(1, 5)]);
        },
        [typeof(PixelUnshuffle)] = random =>
        {
            var factor = random.Next(1, 4);
            return (PixelUnshuffle(factor), [2, random.Next(1, 4), factor * random.Next(1, 4), factor * random.Next(1, 4)]);
        },
        [typeof(ChannelShuffle)] = random =>
        {
            var groups = random.Next(1, 4);
            return (ChannelShuffle(groups), [2, groups * random.Next(1, 4), random.Next(1, 5), random.Next(1, 5)]);
        },
    };

    public static TheoryData<string> Layers => [.. Cases.Keys.Select(layer => layer.Name)];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_layer_that_can_be_exported_is_tested() =>
        Assert.Equal(
            LayerConverter.SupportedLayers.Select(layer => layer.Name).Order(),
            Cases.Keys.Select(layer => layer.Name).Order());

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_layer_has_the_same_output(string name)
    {
        manual_seed(1);
        var random = new RandomOptions(name);
        for (var combination = 0; combination < Combinations; combination++)
        {
            using var scope = NewDisposeScope();
            var (layer, inputShape) = Cases.Single(candidate => candidate.Key.Name == name).Value(random);
            RandomizeWeights(layer);
            AssertSame(layer, inputShape, combination % 2 == 0 ? 17 : 13);
        }
    }

    [Fact]
    public void Nested_containers_have_the_same_output()
    {
        manual_seed(2);
        using var encoder = Sequential(
            ("conv", Conv2d(3, 8, 3, padding: 1, bias: false)), ("norm", BatchNorm2d(8)), ("act", GELU()), ("pool", MaxPool2d(2)));
        using var network = Sequential(
            ("encoder", encoder), ("attention", new Attention(8)), ("drop", Dropout(0.5)), ("up", Upsample(scale_factor: [2, 2])),
            ("pool", AdaptiveAvgPool2d([1, 1])), ("flat", Flatten()), ("head", Linear(8, 5)), ("softmax", Softmax(1)));
        RandomizeWeights(network);
        AssertSame(network, [1, 3, 16, 12], 17);
        var anySize = new Dictionary<int, string> { [0] = "batch", [2] = "height", [3] = "width" };
        AssertSame(network, [1, 3, 16, 12], 17, anySize, otherShape: [2, 3, 24, 36]);
    }

    private void AssertSame(
        Module<Tensor, Tensor> module,
        long[] inputShape,
        int opset,
        Dictionary<int, string>? dynamicAxes = null,
        long[]? otherShape = null)
    {
        var path = folder["layer.onnx"];
        module.eval();
        var options = new OnnxExportOptions { OpsetVersion = opset };
        OnnxExporter.Export(module, path, inputShape, dynamicAxes is null ? options : options with { DynamicAxes = dynamicAxes });
        using var session = new OnnxSession(path, threads: 1);
        long[][] shapes = [[1, .. inputShape[1..]], [3, .. inputShape[1..]], .. otherShape is null ? [] : (long[][])[otherShape]];
        foreach (var shape in shapes)
        {
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            var x = randn(shape).mul_(2);
            var expected = module.call(x.clone());
            var actual = session.Run(x);
            Assert.Equal(expected.shape, actual.shape);
            var difference = (actual - expected).abs().max().item<float>();
            Assert.True(
                difference <= Tolerance * Math.Max(1, expected.abs().max().item<float>()),
                $"{module.GetName()} of [{string.Join(", ", shape)}] differs by {difference}: {Describe(module)}");
        }
    }

    private static string Describe(Module module) => string.Join(
        ", ",
        from property in module.GetType().GetProperties()
        where property.PropertyType.IsValueType && !property.PropertyType.IsByRefLike || property.PropertyType == typeof(long[])
        let value = property.GetValue(module)
        select $"{property.Name} {(value is long[] numbers ? string.Join("x", numbers) : value)}");

    // Weights and statistics of a new layer are ones and zeros, which would hide a mix-up.
    private static void RandomizeWeights(Module module)
    {
        using var noGradient = no_grad();
        foreach (var (_, weight) in module.named_parameters())
            weight.normal_(0.3, 0.5);
        foreach (var (name, statistic) in module.named_buffers())
            if (name.EndsWith("running_var", StringComparison.Ordinal))
                statistic.uniform_(0.5, 1.5);
            else if (name.EndsWith("running_mean", StringComparison.Ordinal))
                statistic.normal_(0, 0.5);
    }

    private static (Module<Tensor, Tensor>, long[]) Norm(long[] shape, Func<long[], Module<Tensor, Tensor>> create) =>
        (create(shape), shape);

    private static (Module<Tensor, Tensor>, long[]) OverDimension(RandomOptions random, Func<long, Module<Tensor, Tensor>> create)
    {
        var shape = random.AnyShape();
        return (create(random.Next(-shape.Length + 1, shape.Length)), shape);
    }

    private static (Module<Tensor, Tensor>, long[]) Convolution(RandomOptions random, int dimensions)
    {
        var groups = random.Next(1, 3);
        var (inputs, outputs) = (groups * random.Next(1, 3), groups * random.Next(1, 3));
        var mode = random.One(PaddingModesOfConvolutions);
        long[] kernel = random.Sizes(dimensions, 1, 4), dilation = random.Sizes(dimensions, 1, 3), stride = random.Sizes(dimensions, 1, 4);
        var padding = random.Sizes(dimensions, 0, 3);
        var bias = random.Chance();
        var isSame = random.Next(0, 4) == 0;
        var shape = random.Shape(dimensions + 2, smallest: 7, largest: 10);
        shape[1] = inputs;

        // TorchSharp 0.107 pads wrongly for kernels of different sizes if the padding mode is not zeros; the export does the same.
        var same = Padding.Same;
        Module<Tensor, Tensor> layer = dimensions switch
        {
            1 when isSame => Conv1d(inputs, outputs, kernel[0], same, 1, dilation[0], mode, groups, bias),
            1 => Conv1d(inputs, outputs, kernel[0], stride[0], padding[0], dilation[0], mode, groups, bias),
            2 when isSame => Conv2d(inputs, outputs, (kernel[0], kernel[1]), same, (1, 1), (dilation[0], dilation[1]), mode, groups, bias),
            2 => Conv2d(
                inputs, outputs, (kernel[0], kernel[1]), (stride[0], stride[1]), (padding[0], padding[1]), (dilation[0], dilation[1]), mode,
                groups, bias),
            _ when isSame => Conv3d(
                inputs, outputs, (kernel[0], kernel[1], kernel[2]), same, (1, 1, 1), (dilation[0], dilation[1], dilation[2]), mode, groups,
                bias),
            _ => Conv3d(
                inputs, outputs, (kernel[0], kernel[1], kernel[2]), (stride[0], stride[1], stride[2]), (padding[0], padding[1], padding[2]),
                (dilation[0], dilation[1], dilation[2]), mode, groups, bias),
        };
        return (layer, shape);
    }

    private static (Module<Tensor, Tensor>, long[]) TransposedConvolution(RandomOptions random, int dimensions)
    {
        var groups = random.Next(1, 3);
        var (inputs, outputs) = (groups * random.Next(1, 3), groups * random.Next(1, 3));
        long[] kernel = random.Sizes(dimensions, 1, 4), dilation = random.Sizes(dimensions, 1, 3), stride = random.Sizes(dimensions, 2, 4);
        long[] padding = random.Sizes(dimensions, 0, 2), output = [.. kernel.Select(_ => (long)random.Next(0, 2))];
        var bias = random.Chance();
        var shape = random.Shape(dimensions + 2, smallest: 3, largest: 6);
        shape[1] = inputs;
        Module<Tensor, Tensor> layer = dimensions switch
        {
            1 => ConvTranspose1d(
                inputs, outputs, kernel[0], stride[0], padding[0], output[0], dilation[0], groups: groups, bias: bias),
            2 => ConvTranspose2d(
                inputs, outputs, (kernel[0], kernel[1]), (stride[0], stride[1]), (padding[0], padding[1]), (output[0], output[1]),
                (dilation[0], dilation[1]), groups: groups, bias: bias),
            _ => ConvTranspose3d(
                inputs, outputs, (kernel[0], kernel[1], kernel[2]), (stride[0], stride[1], stride[2]), (padding[0], padding[1], padding[2]),
                (output[0], output[1], output[2]), (dilation[0], dilation[1], dilation[2]), groups: groups, bias: bias),
        };
        return (layer, shape);
    }

    private static (Module<Tensor, Tensor>, long[]) Pool(
        RandomOptions random, int dimensions, Func<long[], long[]?, long[], long[], bool, Module<Tensor, Tensor>> create)
    {
        var kernel = random.Sizes(dimensions, 1, 4);
        long[] padding = [.. kernel.Select(size => (long)random.Next(0, (int)size / 2 + 1))];
        return (
            create(
                kernel, random.Chance() ? random.Sizes(dimensions, 1, 4) : null, padding, random.Sizes(dimensions, 1, 3), random.Chance()),
            random.Shape(dimensions + 2, smallest: 6, largest: 11));
    }

    private static (Module<Tensor, Tensor>, long[]) AdaptivePool(
        RandomOptions random, int dimensions, Func<long[], Module<Tensor, Tensor>> create)
    {
        var outputs = random.Chance() ? [.. Enumerable.Repeat(1L, dimensions)] : random.Sizes(dimensions, 1, 4);
        return (create(outputs), [2, random.Next(1, 4), .. outputs.Select(size => size * random.Next(1, 4))]);
    }

    private static (Module<Tensor, Tensor>, long[]) Pad(
        RandomOptions random, int dimensions, int least, Func<long[], Module<Tensor, Tensor>> create) =>
        (create(random.Sizes(2 * dimensions, least, 4)), random.Shape(dimensions + 2, smallest: 4, largest: 7));

    private static (Module<Tensor, Tensor>, long[]) Upsampling(RandomOptions random)
    {
        var dimensions = random.Next(1, 4);
        var mode = dimensions switch
        {
            1 => random.One(UpsampleMode.Nearest, UpsampleMode.Linear),
            2 => random.One(UpsampleMode.Nearest, UpsampleMode.Bilinear, UpsampleMode.Bicubic),
            _ => random.One(UpsampleMode.Nearest, UpsampleMode.Trilinear),
        };
        bool? alignCorners = mode == UpsampleMode.Nearest ? null : random.Chance();
        var layer = random.Chance()
            ? Upsample(size: random.Sizes(dimensions, 2, 10), mode: mode, align_corners: alignCorners)
            : Upsample(
                scale_factor: [.. Enumerable.Range(0, dimensions).Select(_ => random.One(1.0, 1.5, 2, 2.5, 3))],
                mode: mode,
                align_corners: alignCorners,
                recompute_scale_factor: random.Chance());
        return (layer, random.Shape(dimensions + 2, smallest: 2, largest: 6));
    }

    // Squeeze-and-excitation: J. Hu et al., "Squeeze-and-Excitation Networks", 2017.
    private sealed class Attention : TraceableModule
    {
        private readonly Conv2d squeeze;

        public Attention(int channels)
            : base(nameof(Attention))
        {
            squeeze = Conv2d(channels, channels, 1);
            RegisterComponents();
        }

        public override GraphValue forward(GraphValue x) =>
            x * Sigmoid().call(squeeze.call(Functional.global_avg_pool2d(x))) - Functional.relu(x);
    }

    private sealed class RandomOptions(string seed)
    {
        private readonly Random random = new(seed.Aggregate(17, (hash, letter) => unchecked(31 * hash + letter)));

        public int Next(int first, int end) => random.Next(first, end);

        public bool Chance() => random.Next(2) == 0;

        public double Real(double smallest, double largest) => smallest + (largest - smallest) * random.NextDouble();

        public T One<T>(params T[] choices) => choices[random.Next(choices.Length)];

        public long[] Sizes(int count, int first, int end) => [.. Enumerable.Range(0, count).Select(_ => (long)random.Next(first, end))];

        public long[] Shape(int rank, int smallest = 2, int largest = 6) => [2, .. Sizes(rank - 1, smallest, largest)];

        public long[] AnyShape() => Shape(random.Next(2, 6));
    }
}
