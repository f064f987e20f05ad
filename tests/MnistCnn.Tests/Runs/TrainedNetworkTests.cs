using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runs;

/// <summary>Weights that PyTorch wrote, and weights that do not fit.</summary>
public sealed class TrainedNetworkTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // The three files hold the same new weights; in double precision they are exact.
    [Theory]
    [InlineData("f16", ScalarType.Float16)]
    [InlineData("bf16", ScalarType.BFloat16)]
    [InlineData("f64", ScalarType.Float64)]
    public void Every_type_of_PyTorch_s_is_converted(string name, ScalarType type)
    {
        manual_seed(1);
        using var fresh = Architecture.Find("plain")!.Create();
        using var exact = SafetensorsFile.Read(Fixture.PathOf("plain-f64.safetensors"));
        using var trained = TrainedNetwork.Load(Fixture.PathOf($"plain-{name}.safetensors"));
        var model = trained.Network;
        Assert.Equal("plain", trained.Architecture.Name);
        foreach (var (key, weight) in fresh.state_dict())
        {
            var expected = exact.Tensors[key];
            Assert.InRange((weight - expected).abs().max().item<double>(), 0, Fixture.WeightTolerance);
            Assert.Equal(ScalarType.Float32, model.state_dict()[key].dtype);
            Assert.Equal(expected.to_type(type).to_type(ScalarType.Float32).data<float>().ToArray(), model.state_dict()[key].data<float>().ToArray());
        }
    }

    [Theory]
    [InlineData("inception")]
    [InlineData("residual")]
    public void The_architecture_is_found_from_names_and_shapes(string name) =>
        Assert.Equal(name, TrainedNetwork.Load(Fixture.PathOf($"{name}.safetensors")).Architecture.Name);

    // An experiment's network without shortcuts has the tensors of the one with them.
    [Fact]
    public void A_name_that_is_unknown_is_not_taken_for_another_network()
    {
        var residual = Architecture.Find("residual")!;
        using var file = SafetensorsFile.Read(Fixture.PathOf("residual.safetensors"));
        (file with { Metadata = new Dictionary<string, string> { ["architecture"] = "residual-twin" } }).Write(folder["twin.safetensors"]);
        using var network = residual.Create();
        foreach (var load in new Action[]
        {
            () => TrainedNetwork.Load(folder["twin.safetensors"]),
            () => TrainedNetwork.Load(folder["twin.safetensors"], residual),
            () => InitialWeights.CopyInto(network, residual, folder["twin.safetensors"], ClassNames.Numbers(10)),
        })
            Assert.Equal(
                $"{folder["twin.safetensors"]} holds the weights of residual-twin, an architecture that this program does not know.",
                Assert.Throws<InvalidDataException>(load).Message);
        ProgramRun.Of(folder.FullPath, "evaluate", "twin.safetensors").AssertFailed(1, "residual-twin", "does not know");
    }

    [Fact]
    public void A_file_says_what_goes_in_and_what_comes_out()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 320, test: 100);
        Assert.Equal(0, ProgramRun.Of(folder.FullPath, "train", "--arch", "plain", "--epochs", "1", "--data", "data", "--out", "out").ExitCode);
        using var data = IdxReader.Load(folder["data"]);
        using (var model = TrainedNetwork.Load(folder["out/model.safetensors"]))
        {
            Assert.Equal((NetworkShape.Mnist, data.Normalization), (model.Shape, model.Normalization));
            Assert.Equal(data.ClassNames, model.ClassNames);
        }

        // What a network was given when it was trained it is given when it is measured, whatever it is measured on.
        var run = ProgramRun.Of(folder.FullPath, "evaluate", "out/model.safetensors", "--data", "data", "--json");
        var metrics = JsonFormat.Parse<EpochMetrics>(File.ReadAllText(folder["out/metrics.jsonl"]), "metrics");
        Assert.Equal(metrics.TestLoss, System.Text.Json.JsonDocument.Parse(run.Output).RootElement.GetProperty("loss").GetDouble(), 1e-6);
    }

    [Fact]
    public void A_file_that_says_nothing_of_its_images_is_of_MNIST()
    {
        using var model = TrainedNetwork.Load(Fixture.PathOf("residual-trained.safetensors"));
        Assert.Equal((NetworkShape.Mnist, Normalization.Mnist), (model.Shape, model.Normalization));
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], model.ClassNames);
        Assert.Equal(new ImageSettings(28, 28, ImageFit.Ink, Grey: true), model.ImageSettings);
    }

    [Fact]
    public void Other_shapes_and_classes_are_taken_and_other_data_refused()
    {
        Save("3x32x20", """["cat","dog"]""", "0.5", "0.25");
        using (var model = TrainedNetwork.Load(folder["colour.safetensors"]))
        {
            Assert.Equal((new NetworkShape(3, 32, 20, 2), new Normalization(0.5, 0.25)), (model.Shape, model.Normalization));
            Assert.Equal(["cat", "dog"], model.ClassNames);
            Assert.Equal([4, 2], model.Network.call(zeros(4, 3, 32, 20)).shape);
            Assert.Equal(new ImageSettings(32, 20, ImageFit.Stretch, Grey: false), model.ImageSettings);
        }

        Save("3x32x20", """["cat","dog"]""", "0.5,0.25,0.125", "0.25,0.5,0.75");
        using (var model = TrainedNetwork.Load(folder["colour.safetensors"]))
        {
            Assert.Equal(new Normalization([0.5, 0.25, 0.125], [0.25, 0.5, 0.75]), model.Normalization);
            Assert.Equal(("0.5,0.25,0.125", "0.25,0.5,0.75"), (model.Metadata.ToDictionary()["mean"], model.Metadata.ToDictionary()["deviation"]));
        }

        ProgramRun.Of(folder.FullPath, "evaluate", "colour.safetensors").AssertFailed(1, "3x32x20 in 2 classes", "1x28x28 in 10");
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
    public void What_makes_no_sense_is_refused(string shape, string? classes, string mean, string? deviation)
    {
        Save(shape, classes, mean, deviation);
        Assert.StartsWith(folder["colour.safetensors"], Assert.Throws<InvalidDataException>(() => TrainedNetwork.Load(folder["colour.safetensors"])).Message);
    }

    [Theory]
    [InlineData("ink", null)]
    [InlineData("foo", null)]
    [InlineData("7", null)]
    [InlineData("crop", "1.5")]
    [InlineData("crop", "many")]
    public void Pictures_that_cannot_become_its_images_are_refused(string fit, string? testShare)
    {
        Save("3x32x20", """["cat","dog"]""", "0.5", "0.25", fit, testShare);
        Assert.StartsWith(folder["colour.safetensors"], Assert.Throws<InvalidDataException>(() => TrainedNetwork.Load(folder["colour.safetensors"])).Message);
    }

    private void Save(string shape, string? classes, string mean, string? deviation, string? fit = null, string? testShare = null)
    {
        using var network = Architecture.Find("plain")!.Create(new NetworkShape(NetworkShape.Parse(shape)?.Channels ?? 3, 32, 20, 2));
        var metadata = new Dictionary<string, string?> { ["architecture"] = "plain", ["shape"] = shape, ["classes"] = classes, ["mean"] = mean, ["deviation"] = deviation, ["fit"] = fit, ["test_share"] = testShare };
        new SafetensorsFile(network.state_dict(), metadata.Where(text => text.Value is not null).ToDictionary(text => text.Key, text => text.Value!))
            .Write(folder["colour.safetensors"]);
    }

    [Fact]
    public void Weights_that_are_not_finite_leave_no_tensor_behind()
    {
        using (var file = SafetensorsFile.Read(Fixture.PathOf("residual.safetensors")))
        {
            file.Tensors["linear.bias"].fill_(float.NaN);
            file.Write(folder["changed.safetensors"]);
        }

        var expected = Left(() => TrainedNetwork.Load(Fixture.PathOf("residual.safetensors")).Dispose());
        Assert.Equal(expected, Left(() => Assert.Contains(
            "NaN or infinity", Assert.Throws<InvalidDataException>(() => TrainedNetwork.Load(folder["changed.safetensors"])).Message)));

        // TorchSharp 0.107 leaves one of each convolution to the garbage collector.
        static long Left(Action load)
        {
            var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            load();
            return TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount - before;
        }
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        AssertRefused(tensors => tensors.Remove("rBlock1.conv2.bias"), "rBlock1.conv2.bias is missing");
        AssertRefused(tensors => tensors.Add("more", zeros(1)), "more is not one");
        AssertRefused(tensors => tensors["linear.weight"] = zeros(512, 10), "linear.weight is 512x10, the network's is 10x512");
        AssertRefused(tensors => tensors["linear.bias"] = zeros(10, ScalarType.Int64), "linear.bias holds Int64");
    }

    // Batch normalisation counts its batches in a whole number, which is no weight.
    [Fact]
    public void Whole_numbers_and_floating_point_numbers_are_not_taken_for_each_other()
    {
        using var skeleton = Architecture.Find("resnet18")!.CreateOnMeta();
        var weights = skeleton.state_dict();
        AssertTaken("bn1.num_batches_tracked", ScalarType.Int64, true);
        AssertTaken("bn1.num_batches_tracked", ScalarType.Int32, true);
        AssertTaken("bn1.num_batches_tracked", ScalarType.Float32, false);
        AssertTaken("bn1.num_batches_tracked", ScalarType.Bool, false);
        AssertTaken("bn1.running_var", ScalarType.Float16, true);
        AssertTaken("bn1.running_var", ScalarType.Int64, false);

        void AssertTaken(string name, ScalarType type, bool isTaken)
        {
            var tensors = new Dictionary<string, Tensor>(weights) { [name] = zeros(weights[name].shape, type) };
            Assert.Equal(isTaken ? null : $"the tensor {name} holds {type}, the network's {weights[name].dtype}", StateDictionary.Mismatch(weights, tensors));
        }
    }

    // The transposed weights of a square layer have the right shape; only their name tells where they belong.
    [Fact]
    public void The_same_shapes_under_other_names_are_refused() => AssertRefused(
        tensors =>
        {
            (tensors["rBlock1.first.weight"], tensors["rBlock1.second.weight"]) = (tensors["rBlock1.conv1.weight"], tensors["rBlock1.conv2.weight"]);
            tensors.Remove("rBlock1.conv1.weight");
            tensors.Remove("rBlock1.conv2.weight");
        },
        "rBlock1.conv1.weight is missing");

    private void AssertRefused(Action<Dictionary<string, Tensor>> change, string reason)
    {
        using var file = SafetensorsFile.Read(Fixture.PathOf("residual.safetensors"));
        var tensors = new Dictionary<string, Tensor>(file.Tensors);
        change(tensors);
        (file with { Tensors = tensors }).Write(folder["changed.safetensors"]);
        var message = Assert.Throws<InvalidDataException>(() => TrainedNetwork.Load(folder["changed.safetensors"], Architecture.Find("residual"))).Message;
        Assert.Contains(reason, message);
        Assert.Throws<InvalidDataException>(() => TrainedNetwork.Load(folder["changed.safetensors"]));
    }
}
