using System.Globalization;
using MnistCnn.OnnxExport;
using MnistCnn.Tests.Inspection;
using Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static MnistCnn.OnnxExport.Functional;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests.Export;

/// <summary>The library's public surface: contents of the file, errors, and the state of the module.</summary>
public sealed class OnnxExporterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_Sequential_is_written_with_names_shapes_and_metadata()
    {
        using var network = Sequential(
            ("features", Sequential(("conv", Conv2d(1, 4, 3)), ("act", ReLU()), ("pool", MaxPool2d(2)), ("drop", Dropout(0.5)))),
            ("flat", Flatten()),
            ("head", Linear(4 * 3 * 3, 10)));
        var options = new OnnxExportOptions
        {
            InputName = "image",
            OutputName = "logits",
            OpsetVersion = 13,
            Metadata = new Dictionary<string, string> { ["classes"] = "0,1" },
        };
        OnnxExporter.Export(network, folder["model.onnx"], [1, 1, 8, 8], options);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder["model.onnx"]));

        Assert.Equal(["model.onnx"], folder.Contents);
        Assert.Equal(
            ["features/conv/Conv", "features/act/Relu", "features/pool/MaxPool", "flat/Flatten", "head/Gemm"],
            model.Graph.Node.Select(node => node.Name));
        Assert.Equal(network.state_dict().Keys.Order(), model.Graph.Initializer.Select(weight => weight.Name).Order());
        Assert.Equal("image (batch, 1, 8, 8)", Text(Assert.Single(model.Graph.Input)));
        Assert.Equal("logits (batch, 10)", Text(Assert.Single(model.Graph.Output)));
        Assert.Equal((13, 7), (model.OpsetImport[0].Version, model.IrVersion));
        Assert.Equal("0,1", Assert.Single(model.MetadataProps).Value);

        network.eval();
        var images = randn(3, 1, 8, 8);
        using var noGradient = no_grad();
        AssertNear(network.call(images), OnnxInterpreter.Run(model, images));
    }

    [Fact]
    public void The_shape_can_be_fixed_and_more_axes_can_be_dynamic()
    {
        using var network = Conv2d(1, 2, 3);
        Assert.Equal("input (2, 1, 8, 6)", Text(Export([]).Graph.Input[0]));
        Assert.Equal("output (2, 2, 6, 4)", Text(Export([]).Graph.Output[0]));
        var dynamic = Export(new() { [2] = "height", [3] = "width" });
        Assert.Equal("input (2, 1, height, width)", Text(dynamic.Graph.Input[0]));
        Assert.Equal("output (2, 2, output_2, output_3)", Text(dynamic.Graph.Output[0]));

        ModelProto Export(Dictionary<int, string> axes) =>
            OnnxExporter.Convert(network, [2, 1, 8, 6], new OnnxExportOptions { DynamicAxes = axes });
    }

    [Fact]
    public void A_module_that_describes_itself_works_inside_a_Sequential()
    {
        using var network = Sequential(("first", Conv2d(1, 4, 3, padding: 1)), ("block", new Block()), ("pool", AdaptiveAvgPool2d([1, 1])));
        var model = OnnxExporter.Convert(network, [1, 1, 6, 6], new());
        Assert.Equal(
            ["first/Conv", "block/conv/Conv", "block/Add", "block/Relu", "pool/AveragePool"], model.Graph.Node.Select(node => node.Name));
        Assert.Contains("block.conv.weight", model.Graph.Initializer.Select(weight => weight.Name));
    }

    [Fact]
    public void Numbers_in_the_file_do_not_depend_on_the_culture()
    {
        using var network = Sequential(
            ("act", LeakyReLU(0.125)), ("norm", GroupNorm(2, 4, 0.5)), ("pad", ConstantPad2d((1, 1, 1, 1), -1.5)),
            ("up", Upsample(scale_factor: [1.5, 2.5], mode: UpsampleMode.Bicubic, align_corners: false)));
        var expected = Bytes();
        var culture = CultureInfo.CurrentCulture;
        try
        {
            var commas = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            commas.NumberFormat.NumberDecimalSeparator = ",";
            commas.NumberFormat.NegativeSign = "~";
            CultureInfo.CurrentCulture = commas;
            Assert.Equal("~0,5", (-0.5).ToString(commas));
            Assert.Equal(expected, Bytes());
            using var large = Linear(1 << 16, 1 << 13, device: META);
            Assert.Contains("2.1 GB", Error<NotSupportedException>(large, 1, 1 << 16));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }

        byte[] Bytes()
        {
            using var stream = new MemoryStream();
            OnnxExporter.Export(network, stream, [1, 4, 6, 6]);
            return stream.ToArray();
        }
    }

    [Fact]
    public void The_module_keeps_its_training_mode_gradients_and_statistics_and_nothing_leaks()
    {
        using var frozen = BatchNorm2d(4);
        using var network = Sequential(("conv", Conv2d(1, 4, 3)), ("frozen", frozen), ("norm", BatchNorm2d(4)), ("drop", Dropout(0.5)));
        network.train();
        frozen.eval();
        network.call(randn(2, 1, 8, 8)).sum().backward();
        var before = State();
        OnnxExporter.Convert(network, [1, 1, 8, 8], new());
        var statistics = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var random = get_rng_state().bytes.ToArray();
        OnnxExporter.Convert(network, [1, 1, 8, 8], new());
        Assert.Equal(random, get_rng_state().bytes.ToArray());
        Assert.Equal(statistics, DisposeScopeManager.Statistics.ThreadTotalLiveCount - 2); // the two states of the generator
        Assert.Equal(before, State());
        Assert.True(is_grad_enabled());

        using var unknown = Sequential(("conv", Conv2d(1, 4, 3)), ("mystery", new UntraceableModule()));
        unknown.train();
        Error<NotSupportedException>(unknown, 1, 1, 8, 8);
        Assert.True(unknown.training);

        string[] State() =>
        [
            .. network.named_modules().Select(named => $"{named.name} {named.module.training}"),
            .. network.named_parameters().Select(named =>
                $"{named.name} {Convert.ToHexString(named.parameter.bytes)} {Convert.ToHexString(named.parameter.grad!.bytes)}"),
            .. network.named_buffers().Select(named => $"{named.name} {Convert.ToHexString(named.buffer.bytes)}"),
        ];
    }

    [Fact]
    public void An_unknown_layer_is_an_error_with_its_path_and_advice()
    {
        using var network = Sequential(("body", Sequential(("conv", Conv2d(1, 4, 3)), ("mystery", new UntraceableModule()))));
        Assert.Equal(
            "The module 'body.mystery' is of type UntraceableModule, which cannot be exported. Build it from standard layers, or derive it "
            + "from TraceableModule.",
            Error<NotSupportedException>(network, 1, 1, 8, 8));
    }

    [Fact]
    public void A_Sequential_with_a_forward_pass_of_its_own_is_an_error()
    {
        using var network = new Skipping();
        Assert.Contains("is of type Skipping", Error<NotSupportedException>(network, 1, 4));
    }

    [Fact]
    public void Weights_that_are_not_float32_are_an_error_with_their_name()
    {
        using var network = Sequential(("norm", Identity()), ("fc", Linear(4, 2, dtype: ScalarType.Float16)));
        Assert.Contains("The weight 'fc.weight' is Float16", Error<NotSupportedException>(network, 1, 4));
    }

    [Fact]
    public void A_module_that_is_called_but_not_registered_is_an_error()
    {
        using var network = new Forgetful();
        Assert.Equal(
            "The module calls a Linear that is not registered. Call RegisterComponents in its constructor.",
            Error<NotSupportedException>(network, 1, 4));
    }

    [Fact]
    public void A_layer_that_overwrites_a_value_with_other_readers_is_an_error()
    {
        using var network = new OverwritingBlock();
        Assert.Contains("The module 'act', a ReLU, overwrites a value", Error<NotSupportedException>(network, 1, 4));
    }

    [Fact]
    public void An_input_of_the_wrong_shape_is_an_error_that_names_the_layer()
    {
        using var network = Sequential(("conv", Conv2d(3, 4, 3)), ("flat", Flatten()), ("head", Linear(4 * 6 * 6, 2)));
        Assert.Contains("of shape [1, 1, 8, 8]: 'conv/Conv' fails", Error<ArgumentException>(network, 1, 1, 8, 8));
        Assert.Contains("'head/Gemm' fails", Error<ArgumentException>(network, 1, 3, 9, 8));
        var dynamic = new OnnxExportOptions { DynamicAxes = new Dictionary<int, string> { [2] = "height" } };
        Assert.Contains(
            "of shape [1, 3, 16, 8], although the dynamic axes include it",
            Assert.Throws<ArgumentException>(() => OnnxExporter.Convert(network, [1, 3, 8, 8], dynamic)).Message);
    }

    [Fact]
    public void A_layer_that_ONNX_cannot_express_is_an_error()
    {
        using var pool = Sequential(("pool", AdaptiveAvgPool2d([2, 2])));
        Assert.Equal(
            "The module 'pool', a AdaptiveAvgPool2d, cannot be exported: it divides 7 positions into 2 unequal windows, which ONNX cannot "
            + "express.",
            Error<NotSupportedException>(pool, 1, 1, 7, 7));
        using var unbatched = MaxPool2d(2);
        Assert.Contains("gets an input of 3 dimensions, and ONNX needs 4", Error<NotSupportedException>(unbatched, 1, 8, 8));
        using var clip = Hardtanh();
        Assert.Contains("Create it with inplace: true", Error<NotSupportedException>(clip, 1, 8));
    }

    [Fact]
    public void Options_that_are_not_valid_are_errors()
    {
        using var network = Linear(4, 2);
        AssertInvalid("OpsetVersion is 18; it must be from 13 to 17", new() { OpsetVersion = 18 });
        AssertInvalid("OpsetVersion is 12", new() { OpsetVersion = 12 });
        AssertInvalid("DynamicAxes has axis 2", new() { DynamicAxes = new Dictionary<int, string> { [2] = "x" } });
        AssertInvalid("DynamicAxes has axis -1", new() { DynamicAxes = new Dictionary<int, string> { [-1] = "x" } });
        AssertInvalid("must differ", new() { InputName = "x", OutputName = "x" });
        AssertInvalid("InputName 'weight' is the name of a weight", new() { InputName = "weight" });
        Assert.Contains("at least one dimension", Error<ArgumentException>(network));

        void AssertInvalid(string message, OnnxExportOptions options) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(() => OnnxExporter.Convert(network, [1, 4], options)).Message);
    }

    [Fact]
    public void A_file_that_cannot_be_written_leaves_nothing_behind()
    {
        using var network = Linear(4, 2);
        Directory.CreateDirectory(folder["model.onnx"]);
        Assert.ThrowsAny<Exception>(() => OnnxExporter.Export(network, folder["model.onnx"], [1, 4]));
        Assert.Equal(["model.onnx"], folder.Contents);
        Assert.ThrowsAny<IOException>(() => OnnxExporter.Export(network, folder["missing/model.onnx"], [1, 4]));

        File.WriteAllText(folder["old.onnx"], "old");
        Error<ArgumentException>(network, 1, 5);
        OnnxExporter.Export(network, folder["old.onnx"], [1, 4]);
        Assert.NotEqual("old", File.ReadAllText(folder["old.onnx"]));
    }

    [Fact]
    public void The_readme_lists_every_layer_that_can_be_exported()
    {
        var page = File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, "src", "MnistCnn.OnnxExport", "README.md"));
        var table = page[page.IndexOf("| kind | layers |", StringComparison.Ordinal)..];
        table = table[..table.IndexOf("\n\n", StringComparison.Ordinal)];
        var listed = table.Split('\n').Where(row => !row.StartsWith("| dropout", StringComparison.Ordinal))
            .SelectMany(row => row.Split('`').Where((_, index) => index % 2 == 1)).Where(name => name != "inplace: true");
        Assert.Equal(LayerConverter.SupportedLayers.Select(layer => layer.Name).Order(), listed.Order());
    }

    private static string Error<TException>(Module<Tensor, Tensor> network, params long[] inputShape)
        where TException : Exception =>
        Assert.Throws<TException>(() => OnnxExporter.Convert(network, inputShape, new())).Message;

    private static void AssertNear(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((actual - expected).abs().max().item<float>(), 0, 1e-5f);
    }

    private static string Text(ValueInfoProto value) =>
        $"{value.Name} ({string.Join(", ", value.Type.TensorType.Shape.Dim.Select(side => $"{side.DimParam}{side.DimValue:#}"))})";

    private sealed class Block : TraceableModule
    {
        private readonly Conv2d conv = Conv2d(4, 4, kernel_size: 3, padding: 1);

        public Block()
            : base(nameof(Block)) => RegisterComponents();

        public override GraphValue forward(GraphValue x) => relu(conv.call(x) + x);
    }

    private sealed class OverwritingBlock : TraceableModule
    {
        private readonly ReLU act = ReLU(inplace: true);

        public OverwritingBlock()
            : base(nameof(OverwritingBlock)) => RegisterComponents();

        public override GraphValue forward(GraphValue x) => act.call(x) + x;
    }

    private sealed class Forgetful() : TraceableModule(nameof(Forgetful))
    {
        private readonly Linear fc = Linear(4, 2);

        public override GraphValue forward(GraphValue x) => fc.call(x);
    }

    private sealed class Skipping() : Sequential(("fc", Linear(4, 4)))
    {
        public override Tensor forward(Tensor x) => x;
    }
}
