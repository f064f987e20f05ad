using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runs;

/// <summary>Loading of weights from this program and from PyTorch, and errors for weights that do not fit.</summary>
public sealed class TrainedNetworkTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // The three files hold the same initial weights; double precision is exact.
    [Theory]
    [InlineData("f16", ScalarType.Float16)]
    [InlineData("bf16", ScalarType.BFloat16)]
    [InlineData("f64", ScalarType.Float64)]
    public void Every_floating_point_type_of_PyTorch_is_converted(string name, ScalarType type)
    {
        manual_seed(1);
        using var expectedNetwork = Architecture.Find("plain")!.Create();
        using var exact = SafetensorsFile.Read(Fixture.PathOf("plain-f64.safetensors"));
        using var trained = TrainedNetwork.Load(Fixture.PathOf($"plain-{name}.safetensors"));
        var model = trained.Network;
        Assert.Equal("plain", trained.Architecture.Name);
        foreach (var (key, weight) in expectedNetwork.state_dict())
        {
            var expected = exact.Tensors[key];
            Assert.InRange((weight - expected).abs().max().item<double>(), 0, Fixture.WeightTolerance);
            Assert.Equal(ScalarType.Float32, model.state_dict()[key].dtype);
            var rounded = expected.to_type(type).to_type(ScalarType.Float32);
            Assert.Equal(rounded.data<float>().ToArray(), model.state_dict()[key].data<float>().ToArray());
        }
    }

    [Theory]
    [InlineData("inception")]
    [InlineData("residual")]
    public void The_architecture_is_found_from_names_and_shapes(string name) =>
        Assert.Equal(name, TrainedNetwork.Load(Fixture.PathOf($"{name}.safetensors")).Architecture.Name);

    // An experiment's network without shortcuts has the tensors of residual.
    [Fact]
    public void Weights_of_an_unknown_architecture_are_not_loaded_as_another_one()
    {
        var residual = Architecture.Find("residual")!;
        using var file = SafetensorsFile.Read(Fixture.PathOf("residual.safetensors"));
        (file with { Metadata = new Dictionary<string, string> { ["architecture"] = "residual-twin" } }).Write(folder["twin.safetensors"]);
        foreach (var load in new Action[]
        {
            () => TrainedNetwork.Load(folder["twin.safetensors"]),
            () => TrainedNetwork.Load(folder["twin.safetensors"], residual),
            () => InitialWeights.Read(folder["twin.safetensors"], residual),
        })
            Assert.Equal(
                $"{folder["twin.safetensors"]} holds the weights of residual-twin, an architecture that this program does not know.",
                Assert.Throws<InvalidDataException>(load).Message);
        ProgramRun.Of(folder.FullPath, "evaluate", "twin.safetensors").AssertFailed(1, "residual-twin", "does not know");
    }

    [Fact]
    public void The_metadata_of_a_file_name_shape_normalization_and_classes()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 320, test: 100);
        string[] train = ["train", "--arch", "plain", "--epochs", "1", "--data", "data", "--out", "out"];
        Assert.Equal(0, ProgramRun.Of(folder.FullPath, train).ExitCode);
        using var data = IdxReader.Load(folder["data"]);
        using (var model = TrainedNetwork.Load(folder["out/model.safetensors"]))
        {
            Assert.Equal((NetworkShape.Mnist, data.Normalization), (model.Shape, model.Normalization));
            Assert.Equal(data.ClassNames, model.ClassNames);
        }

        // The evaluation normalizes with the values of the training data.
        var run = ProgramRun.Of(folder.FullPath, "evaluate", "out/model.safetensors", "--data", "data", "--json");
        var metrics = JsonFormat.Parse<EpochMetrics>(File.ReadAllText(folder["out/metrics.jsonl"]), "metrics");
        Assert.Equal(metrics.TestLoss, JsonDocument.Parse(run.Output).RootElement.GetProperty("loss").GetDouble(), 1e-6);
    }

    [Fact]
    public void A_file_without_metadata_counts_as_weights_of_MNIST()
    {
        using var model = TrainedNetwork.Load(Fixture.PathOf("residual-trained.safetensors"));
        Assert.Equal((NetworkShape.Mnist, Normalization.Mnist), (model.Shape, model.Normalization));
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], model.ClassNames);
        Assert.Equal(new ImageSettings(28, 28, ImageFit.Ink, Grey: true), model.ImageSettings);
    }

    [Fact]
    public void Other_shapes_and_classes_are_loaded_and_evaluation_on_other_data_fails()
    {
        Save("3x32x20", """["cat","dog"]""", "0.5", "0.25");
        using (var model = TrainedNetwork.Load(folder["colour.safetensors"]))
        {
            Assert.Equal((new NetworkShape(3, 32, 20, 2), new Normalization([0.5], [0.25])), (model.Shape, model.Normalization));
            Assert.Equal(["cat", "dog"], model.ClassNames);
            Assert.Equal([4, 2], model.Network.call(zeros(4, 3, 32, 20)).shape);
            Assert.Equal(new ImageSettings(32, 20, ImageFit.Stretch, Grey: false), model.ImageSettings);
        }

        Save("3x32x20", """["cat","dog"]""", "0.5,0.25,0.125", "0.25,0.5,0.75");
        using (var model = TrainedNetwork.Load(folder["colour.safetensors"]))
        {
            Assert.Equal(new Normalization([0.5, 0.25, 0.125], [0.25, 0.5, 0.75]), model.Normalization);
            var texts = model.Metadata.ToDictionary();
            Assert.Equal(("0.5,0.25,0.125", "0.25,0.5,0.75"), (texts["mean"], texts["deviation"]));
        }

        ProgramRun.Of(folder.FullPath, "evaluate", "colour.safetensors", "--data", IdxReader.BundledMnist)
            .AssertFailed(1, "3x32x20 in 2 classes", "1x28x28 in 10");
        Save("2x32x20", """["cat","dog"]""", "0.5", "0.25");
        ProgramRun.Of(folder.FullPath, "predict", "colour.safetensors", "a.png").AssertFailed(1, "2x32x20", "one channel or three");
    }

    [Theory]
    [InlineData("3x32", """["cat","dog"]""", "0.5", "0.25")]
    [InlineData("3x32x20", "[]", "0.5", "0.25")]
    [InlineData("3x32x20", null, "0.5", "0.25")]
    [InlineData("3x32x20", """["cat","dog"]""", "NaN", "0.25")]
    [InlineData("3x32x20", """["cat","dog"]""", "0.5", "0")]
    [InlineData("3x32x20", """["cat","dog"]""", "0.5", null)]
    [InlineData("3x32x20", """["cat","dog"]""", "0.5,0.5", "0.25,0.25")]
    [InlineData("3x32x20", """["cat","dog"]""", "0.5,0.5,0.5", "0.25")]
    [InlineData("3x32x20", """["cat"]""", "0.5", "0.25")]
    [InlineData("3x32x20", """["cat","cat"]""", "0.5", "0.25")]
    [InlineData("3x32x20", """["cat",""]""", "0.5", "0.25")]
    [InlineData("3x32x20", """["cat",null]""", "0.5", "0.25")]
    [InlineData("3x32x20", """["cat","dog"]""", "1e308", "0.25")]
    [InlineData("3x8x8", """["cat","dog"]""", "0.5", "0.25")]
    [InlineData("16384x16384x16384", """["cat","dog"]""", "0.5", "0.25")]
    public void Impossible_metadata_are_an_error(string shape, string? classes, string mean, string? deviation)
    {
        Save(shape, classes, mean, deviation);
        AssertDamaged();
    }

    [Theory]
    [InlineData("ink", null)]
    [InlineData("foo", null)]
    [InlineData("7", null)]
    [InlineData("crop", "1.5")]
    [InlineData("crop", "many")]
    public void An_impossible_preparation_of_images_is_an_error(string fit, string? testShare)
    {
        Save("3x32x20", """["cat","dog"]""", "0.5", "0.25", fit, testShare);
        AssertDamaged();
    }

    [Fact]
    public void Weights_that_are_not_finite_are_an_error_and_leak_no_tensor()
    {
        using (var file = SafetensorsFile.Read(Fixture.PathOf("residual.safetensors")))
        {
            file.Tensors["linear.bias"].fill_(float.NaN);
            file.Write(folder["changed.safetensors"]);
        }

        var expected = CountLeaks(() => TrainedNetwork.Load(Fixture.PathOf("residual.safetensors")).Dispose());
        Assert.Equal(expected, CountLeaks(() => Assert.Contains(
            "NaN or infinity", Assert.Throws<InvalidDataException>(() => TrainedNetwork.Load(folder["changed.safetensors"])).Message)));

        // TorchSharp 0.107 leaves one tensor of each convolution to the garbage collector.
        static long CountLeaks(Action load)
        {
            var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            load();
            return TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount - before;
        }
    }

    [Fact]
    public void Errors_name_the_tensor_that_does_not_fit()
    {
        AssertError(tensors => tensors.Remove("rBlock1.conv2.bias"), "rBlock1.conv2.bias is missing");
        AssertError(tensors => tensors.Add("more", zeros(1)), "more is not one");
        AssertError(tensors => tensors["linear.weight"] = zeros(512, 10), "linear.weight is 512x10, the network's is 10x512");
        AssertError(tensors => tensors["linear.bias"] = zeros(10, ScalarType.Int64), "linear.bias holds Int64");
    }

    // Batch normalization counts its batches in an integer tensor.
    [Fact]
    public void Integers_and_floating_point_numbers_are_not_converted_to_each_other()
    {
        using var skeleton = Architecture.Find("resnet18")!.CreateOnMeta();
        var weights = skeleton.state_dict();
        AssertMatch("bn1.num_batches_tracked", ScalarType.Int64, true);
        AssertMatch("bn1.num_batches_tracked", ScalarType.Int32, true);
        AssertMatch("bn1.num_batches_tracked", ScalarType.Float32, false);
        AssertMatch("bn1.num_batches_tracked", ScalarType.Bool, false);
        AssertMatch("bn1.running_var", ScalarType.Float16, true);
        AssertMatch("bn1.running_var", ScalarType.Int64, false);

        void AssertMatch(string name, ScalarType type, bool isMatch)
        {
            var tensors = new Dictionary<string, Tensor>(weights) { [name] = zeros(weights[name].shape, type) };
            var mismatch = isMatch ? null : $"the tensor {name} holds {type}, the network's {weights[name].dtype}";
            Assert.Equal(mismatch, StateDictionary.Mismatch(weights, tensors));
        }
    }

    // Square layers have equal shapes, so only the names identify them.
    [Fact]
    public void Tensors_of_the_same_shapes_under_other_names_are_an_error() => AssertError(
        tensors =>
        {
            tensors["rBlock1.first.weight"] = tensors["rBlock1.conv1.weight"];
            tensors["rBlock1.second.weight"] = tensors["rBlock1.conv2.weight"];
            tensors.Remove("rBlock1.conv1.weight");
            tensors.Remove("rBlock1.conv2.weight");
        },
        "rBlock1.conv1.weight is missing");

    private void Save(string shape, string? classes, string mean, string? deviation, string? fit = null, string? testShare = null)
    {
        using var network = Architecture.Find("plain")!.Create(new NetworkShape(NetworkShape.Parse(shape)?.Channels ?? 3, 32, 20, 2));
        var metadata = new Dictionary<string, string?>
        {
            ["architecture"] = "plain",
            ["shape"] = shape,
            ["classes"] = classes,
            ["mean"] = mean,
            ["deviation"] = deviation,
            ["fit"] = fit,
            ["test_share"] = testShare,
        };
        var texts = metadata.Where(text => text.Value is not null).ToDictionary(text => text.Key, text => text.Value!);
        new SafetensorsFile(network.state_dict(), texts).Write(folder["colour.safetensors"]);
    }

    private void AssertDamaged()
    {
        var path = folder["colour.safetensors"];
        Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => TrainedNetwork.Load(path)).Message);
    }

    private void AssertError(Action<Dictionary<string, Tensor>> change, string reason)
    {
        using var file = SafetensorsFile.Read(Fixture.PathOf("residual.safetensors"));
        var tensors = new Dictionary<string, Tensor>(file.Tensors);
        change(tensors);
        (file with { Tensors = tensors }).Write(folder["changed.safetensors"]);
        var path = folder["changed.safetensors"];
        var error = Assert.Throws<InvalidDataException>(() => TrainedNetwork.Load(path, Architecture.Find("residual")));
        Assert.Contains(reason, error.Message);
        Assert.Throws<InvalidDataException>(() => TrainedNetwork.Load(path));
    }
}
