using Google.Protobuf;
using MnistCnn.Data;
using MnistCnn.Export;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Tests.Inspection;
using Onnx;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests.Export;

/// <summary>Contents of exported files, and their outputs compared with the network's.</summary>
public sealed class OnnxModelTests
{
    private static readonly Normalization Normalization = new([0.25], [0.5]);
    private static readonly NetworkShape Colour = new(3, 24, 20, 7);

    public static TheoryData<string> Names => [.. Architecture.All.Select(architecture => architecture.Name)];

    [Theory]
    [Trait("Speed", "Slow")]
    [MemberData(nameof(Names))]
    public void Every_network_and_its_file_have_the_same_output(string name)
    {
        using var network = RandomNetwork.Create(name, Colour);
        var model = Export(name, network, Colour);
        AssertNames(model, network, name);
        AssertSame(model, network, randn(3, 3, 24, 20));
        Assert.Equal(name is "googlenet" || name.Contains("18") || int.TryParse(name[^2..], out _), HasVariableSize(model));
        if (HasVariableSize(model))
            AssertSame(model, network, randn(1, 3, 37, 50));
        else
            Assert.Equal([24, 20], model.Graph.Input[0].Type.TensorType.Shape.Dim.Skip(2).Select(side => side.DimValue));
    }

    [Theory]
    [InlineData("inception")]
    [InlineData("residual")]
    [InlineData("resnet18")]
    [InlineData("resnet20")]
    public void Operations_and_their_names_equal_those_of_the_trace(string name)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var network = RandomNetwork.Create(name, Colour);
        var exported = Export(name, network, Colour).Graph.Node;
        var nodes = ActivationTrace.Run(network, zeros(1, 3, 24, 20), stop: TestContext.Current.CancellationToken).Nodes;
        Assert.Equal((ActivationTrace.Image, "Input"), (nodes.First().Name, nodes.First().Operation));
        Assert.Equal(exported.Select(node => (node.Name, node.OpType)), nodes.Skip(1).Select(node => (node.Name, node.Operation)));
        foreach (var (expected, node) in exported.Skip(1).Zip(nodes.Skip(2)))
            Assert.Equal(expected.Input.Take(node.Inputs.Count), node.Inputs);
    }

    [Fact]
    public void A_block_of_an_experiment_can_be_exported_too()
    {
        using var network = new ResidualBlock(4, hasShortcut: false);
        AssertSame(OnnxModel.Create(Trained("name", network, NetworkShape.Mnist)), network, randn(2, 4, 6, 5));
    }

    [Fact]
    public void Nodes_have_the_names_of_the_modules_and_weights_those_in_the_state_dictionary()
    {
        using var network = RandomNetwork.Create("inception", NetworkShape.Mnist);
        var graph = Export("inception", network, NetworkShape.Mnist).Graph;
        Assert.Equal("inception", graph.Name);
        Assert.Equal(
            [
                "conv1/Conv", "MaxPool", "Relu", "inceptionA/branch1x1/Conv", "inceptionA/branch5x5_1/Conv", "inceptionA/branch5x5_2/Conv",
                "inceptionA/branch3x3_1/Conv", "inceptionA/branch3x3_2/Conv", "inceptionA/branch3x3_3/Conv", "inceptionA/AveragePool",
                "inceptionA/branch_pool/Conv", "inceptionA/Concat", "conv2/Conv", "MaxPool_1", "Relu_1",
            ],
            graph.Node.Take(15).Select(node => node.Name));
        Assert.Equal(["Flatten", "linear/Gemm"], graph.Node.TakeLast(2).Select(node => node.Name));
        Assert.Equal(
            ["inceptionA/branch5x5_1/Conv", "inceptionA.branch5x5_2.weight", "inceptionA.branch5x5_2.bias"],
            graph.Node.Single(node => node.Name == "inceptionA/branch5x5_2/Conv").Input);

        using var residual = RandomNetwork.Create("resnet18", NetworkShape.Mnist);
        var names = Export("resnet18", residual, NetworkShape.Mnist).Graph.Node.Select(node => node.Name).ToArray();
        Assert.Contains("layer2/0/downsample/0/Conv", names);
        Assert.Contains("layer2/0/bn1/BatchNormalization", names);
        Assert.Contains("layer4/1/Relu_1", names);
    }

    [Fact]
    public void The_file_has_a_variable_batch_size_descriptions_and_metadata()
    {
        using var network = RandomNetwork.Create("residual", NetworkShape.Mnist);
        var model = Export("residual", network, NetworkShape.Mnist);
        Assert.Equal("images float (batch, 1, 28, 28)", Text(Assert.Single(model.Graph.Input)));
        Assert.Equal("logits float (batch, 10)", Text(Assert.Single(model.Graph.Output)));
        Assert.Contains("pixel / 255 - 0.25) / 0.5", model.Graph.Input[0].DocString);
        Assert.Contains("Residual", model.DocString);
        Assert.Equal(("MnistCnn", Versions.Program), (model.ProducerName, model.ProducerVersion));
        Assert.Equal(
            Trained("residual", network, NetworkShape.Mnist).Metadata.ToDictionary().Append(new("mnist_cnn", Versions.Program)),
            model.MetadataProps.ToDictionary(text => text.Key, text => text.Value));
        Assert.Equal("", Assert.Single(model.OpsetImport).Domain);
        Assert.InRange(model.OpsetImport[0].Version, 13, 17);
        Assert.InRange(model.IrVersion, 7, 8);
    }

    [Fact]
    public void The_file_can_take_pixels_and_output_probabilities()
    {
        using var network = RandomNetwork.Create("residual", NetworkShape.Mnist);
        var pixels = randint(256, [4, 1, 28, 28], ScalarType.Byte);
        using var noGradient = no_grad();
        var logits = network.call(Normalization.Apply(pixels));

        var trained = Trained("residual", network, NetworkShape.Mnist);
        var bytes = OnnxModel.Create(trained, takesPixels: true);
        Assert.Equal("images uint8 (batch, 1, 28, 28)", Text(bytes.Graph.Input[0]));
        AssertNear(logits, OnnxInterpreter.Run(bytes, pixels));
        Assert.Equal(
            ["normalization/Cast", "normalization/Div", "normalization/Sub", "normalization/Div_1", "conv1/Conv"],
            bytes.Graph.Node.Take(5).Select(node => node.Name));

        var both = OnnxModel.Create(trained, takesPixels: true, givesProbabilities: true);
        Assert.Equal("probabilities float (batch, 10)", Text(Assert.Single(both.Graph.Output)));
        AssertNear(functional.softmax(logits, 1), OnnxInterpreter.Run(both, pixels));
    }

    [Fact]
    public void Colour_images_are_normalized_per_channel()
    {
        var shape = new NetworkShape(3, 24, 20, 7);
        var perChannel = new Normalization([0.5, 0.25, 0.125], [0.25, 0.5, 0.75]);
        using var network = RandomNetwork.Create("resnet20", shape);
        using var noGradient = no_grad();
        var pixels = randint(256, [4, 3, 24, 20], ScalarType.Byte);
        var trained = Trained("resnet20", network, shape, perChannel);
        var model = OnnxModel.Create(trained, takesPixels: true);
        AssertNear(network.call(perChannel.Apply(pixels)), OnnxInterpreter.Run(model, pixels));
        Assert.Equal([3, 1, 1], model.Graph.Initializer.Single(constant => constant.Name == "normalization.mean").Dims);
        Assert.Contains(
            "(pixel / 255 - [0.5, 0.25, 0.125]) / [0.25, 0.5, 0.75]",
            OnnxModel.Create(trained).Graph.Input[0].DocString);
    }

    [Fact]
    public void Weights_of_unused_layers_are_left_out()
    {
        using var network = RandomNetwork.Create("residual-as-printed", NetworkShape.Mnist);
        var weights = Export("residual-as-printed", network, NetworkShape.Mnist).Graph.Initializer.Select(weight => weight.Name);
        Assert.Equal(
            ["rBlock1.conv1.weight", "rBlock1.conv1.bias", "rBlock2.conv1.weight", "rBlock2.conv1.bias"],
            network.state_dict().Keys.Except(weights));
    }

    [Fact]
    public void A_network_that_cannot_be_traced_fails_with_the_name_of_the_module()
    {
        using var network = Sequential(("conv", Conv2d(1, 2, 3)), ("mystery", new UntraceableModule()));
        var message = Assert.Throws<NotSupportedException>(() => OnnxModel.Create(Trained("name", network, NetworkShape.Mnist))).Message;
        Assert.Contains("The module 'mystery' is of type UntraceableModule", message);
        using var alone = new UntraceableModule();
        message = Assert.Throws<NotSupportedException>(() => OnnxModel.Create(Trained("name", alone, NetworkShape.Mnist))).Message;
        Assert.Contains("The module is of type UntraceableModule", message);
    }

    // On the meta device, which keeps no values.
    [Fact]
    public void A_network_of_more_than_2_GB_cannot_be_exported()
    {
        var large = Architecture.All[0] with { Name = "large", Make = _ => Linear(1 << 16, 1 << 13) };
        using var network = large.CreateOnMeta();
        var message = Assert.Throws<NotSupportedException>(() => OnnxModel.Create(Trained("large", network, NetworkShape.Mnist))).Message;
        Assert.Equal("large has 2.1 GB of weights, and an ONNX file can have 2 GB at most.", message);
    }

    private static TrainedNetwork Trained(
        string name, Module<Tensor, Tensor> network, NetworkShape shape, Normalization? normalization = null) => new(
        "",
        Architecture.Find(name) ?? Architecture.Default with { Name = name },
        network,
        new WeightsMetadata(shape, ["a"], normalization ?? Normalization, new ImageSettings()));

    // Written and read back.
    internal static ModelProto Export(string name, Module<Tensor, Tensor> network, NetworkShape shape) =>
        ModelProto.Parser.ParseFrom(OnnxModel.Create(Trained(name, network, shape)).ToByteArray());

    private static bool HasVariableSize(ModelProto model) =>
        model.Graph.Input[0].Type.TensorType.Shape.Dim.Select(side => side.DimParam).SequenceEqual(["batch", "", "height", "width"]);

    // Each layer with weights has one node of its name, which reads the layer's weights.
    private static void AssertNames(ModelProto model, Module<Tensor, Tensor> network, string name)
    {
        var weights = network.state_dict();
        Assert.Equal(model.Graph.Node.Count, model.Graph.Node.Select(node => node.Name).Distinct().Count());
        foreach (var node in model.Graph.Node.Where(node => node.OpType is "Conv" or "BatchNormalization" or "Gemm"))
        {
            var layer = node.Name[..node.Name.LastIndexOf('/')].Replace('/', '.');
            Assert.Equal(weights.Keys.Where(key => Layers.IsInside(layer, key) && !IsCounter(key)), node.Input.Skip(1));
        }

        foreach (var weight in model.Graph.Initializer.Where(numbers => numbers.DataType == (int)TensorProto.Types.DataType.Float))
        {
            Assert.Equal(weights[weight.Name].shape, weight.Dims);
            Assert.True(weights[weight.Name].bytes.SequenceEqual(weight.RawData.Span), weight.Name);
        }

        var unused = weights.Keys.Except(model.Graph.Initializer.Select(weight => weight.Name)).Where(key => !IsCounter(key));
        Assert.Equal(name == "residual-as-printed" ? 4 : 0, unused.Count());

        static bool IsCounter(string key) => key.EndsWith("num_batches_tracked", StringComparison.Ordinal);
    }

    private static void AssertSame(ModelProto model, Module<Tensor, Tensor> network, Tensor images)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        AssertNear(network.call(images), OnnxInterpreter.Run(model, images));
    }

    private static void AssertNear(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange(((actual - expected).abs().max() / expected.abs().max()).item<float>(), 0, 1e-5f);
    }

    private static string Text(ValueInfoProto value)
    {
        var sides = value.Type.TensorType.Shape.Dim.Select(side => side.DimParam is "" ? $"{side.DimValue}" : side.DimParam);
        return $"{value.Name} {(TensorProto.Types.DataType)value.Type.TensorType.ElemType} ({string.Join(", ", sides)})".ToLowerInvariant();
    }
}
