using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runs;

/// <summary>Transfer learning: initial weights of other classes, and training of the last layer only.</summary>
[Trait("Speed", "Slow")]
public sealed class TransferTests : IDisposable
{
    private static readonly Architecture ResNet18 = Architecture.Find("resnet18")!;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // As torchvision's weights: its shape and names, without metadata.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Weights_of_1000_classes_start_a_training_on_5_classes_of_smaller_colour_images(bool freeze)
    {
        WriteWeights(ResNet18, new NetworkShape(3, 224, 224, 1000));
        using var data = Data(channels: 3, side: 32, classes: 5);
        using var initial = CreateInitial(ResNet18, data);
        using var weights = SafetensorsFile.Read(folder["weights"]);
        using var run = Start(new TrainSettings { Architecture = ResNet18, Epochs = 1, BatchSize = 10, Freeze = freeze }, data);
        var shapes = $"fc.weight is 1000x512 in {folder["weights"]}, and 5x512 in this network";
        Assert.Equal($"The last layer, fc, keeps its random initial weights: {shapes}.", run.InitNotes[0]);
        foreach (var (name, weight) in run.Trainer.Model.state_dict())
            Assert.True(Bits(weight).SequenceEqual(Bits(Before(name))), name);

        // A frozen network also keeps the statistics of batch normalization and the counts of batches.
        Assert.True(run.Train([], TestContext.Current.CancellationToken));
        foreach (var (name, weight) in run.Trainer.Model.state_dict())
            Assert.True(Bits(weight).SequenceEqual(Bits(Before(name))) == (freeze && !IsLast(name)), name);

        foreach (var (name, parameter) in run.Trainer.Model.named_parameters())
            Assert.True(parameter.grad is null == (freeze && !IsLast(name)), name);

        bool IsLast(string name) => name.StartsWith("fc.", StringComparison.Ordinal);
        Tensor Before(string name) => IsLast(name) ? initial.state_dict()[name] : weights.Tensors[name];
    }

    // Ten letters are not ten digits, although the shapes are equal.
    [Fact]
    public void The_last_layer_of_other_classes_is_not_copied_even_if_its_shape_matches()
    {
        using var data = Data(channels: 3, side: 32, classes: 2);
        using (var network = ResNet18.Create(TrainableModel.ShapeOf(data)))
        {
            var metadata = WeightsMetadata.Of(data with { ClassNames = ["cat", "dog"] });
            new SafetensorsFile(network.state_dict(), metadata.ToDictionary()).Write(folder["weights"]);
        }

        using var other = Start(new TrainSettings { Architecture = ResNet18, Seed = 2 }, data with { ClassNames = ["ant", "bee"] });
        Assert.Equal([$"The last layer, fc, keeps its random initial weights: {folder["weights"]} is of other classes."], other.InitNotes);
        using var same = Start(new TrainSettings { Architecture = ResNet18, Seed = 2 }, data with { ClassNames = ["cat", "dog"] }, "same");
        Assert.Empty(same.InitNotes);
        Assert.NotEqual(Bits(same.Trainer.Model.state_dict()["fc.weight"]), Bits(other.Trainer.Model.state_dict()["fc.weight"]));
        Assert.Equal(Bits(same.Trainer.Model.state_dict()["conv1.weight"]), Bits(other.Trainer.Model.state_dict()["conv1.weight"]));
    }

    [Fact]
    public void Matching_weights_are_copied_completely()
    {
        using var data = Data(channels: 3, side: 32, classes: 5);
        WriteWeights(ResNet18, TrainableModel.ShapeOf(data));
        using var weights = SafetensorsFile.Read(folder["weights"]);
        using var run = Start(new TrainSettings { Architecture = ResNet18 }, data);
        Assert.Empty(run.InitNotes);
        foreach (var (name, weight) in run.Trainer.Model.state_dict())
            Assert.True(Bits(weight).SequenceEqual(Bits(weights.Tensors[name])), name);
    }

    [Theory]
    [InlineData("resnet18", 3, 1)]
    [InlineData("resnet18", 1, 3)]
    [InlineData("plain", 3, 1)]
    [InlineData("inception", 1, 3)]
    public void Weights_for_another_number_of_channels_are_an_error(string name, int theirs, int ours)
    {
        var architecture = Architecture.Find(name)!;
        WriteWeights(architecture, new NetworkShape(theirs, 32, 32, 10));
        using var data = Data(ours, side: 28, classes: 5);
        Assert.Contains($"it takes images with {theirs} channels, and these have {ours}", Error(architecture, data));
    }

    // The last layer, too, must have the same tensors.
    [Theory]
    [InlineData("conv2.bias", false, "the tensor conv2.bias is missing")]
    [InlineData("linear.bias", false, "the tensor linear.bias is missing")]
    [InlineData("linear.weight", false, "the tensor linear.weight is missing")]
    [InlineData("linear.scale", true, "the tensor linear.scale is not one of the network's")]
    [InlineData("conv3.bias", true, "the tensor conv3.bias is not one of the network's")]
    public void All_names_must_match_and_all_shapes_except_for_the_last_layer(string name, bool isExtra, string problem)
    {
        var plain = Architecture.Find("plain")!;
        WriteWeights(plain, NetworkShape.Mnist with { Classes = 7 });
        using (var file = SafetensorsFile.Read(folder["weights"]))
        {
            var tensors = new Dictionary<string, Tensor>(file.Tensors);
            if (isExtra)
                tensors.Add(name, file.Tensors["conv1.bias"]);
            else
                Assert.True(tensors.Remove(name));
            (file with { Tensors = tensors }).Write(folder["weights"]);
        }

        using var data = Data(channels: 1, side: 28, classes: 5);
        Assert.Contains(problem, Error(plain, data));
    }

    [Fact]
    public void Images_of_another_size_reset_the_last_layer_of_the_article_s_networks()
    {
        var plain = Architecture.Find("plain")!;
        WriteWeights(plain, NetworkShape.Mnist);
        using var data = Data(channels: 1, side: 32, classes: 10);
        using var run = Start(new TrainSettings { Architecture = plain }, data);
        Assert.Contains("linear.weight is 10x320 in", Assert.Single(run.InitNotes));
        Assert.Contains("10x500 in this network", run.InitNotes[0]);
    }

    // Batch normalization with frozen statistics needs no second image.
    [Fact]
    public void A_frozen_network_trains_on_a_batch_of_one_image()
    {
        using var data = Data(channels: 1, side: 28, classes: 5, images: 11);
        var settings = new TrainSettings { Architecture = ResNet18, Epochs = 1, BatchSize = 10, Freeze = true };
        using var trainer = Trainer.Create(settings, data, CPU);
        trainer.Fit([], TestContext.Current.CancellationToken);
        Assert.Equal(2, trainer.Progress.Epoch);
        foreach (var (name, momentum) in trainer.SaveState().MomentumBuffers)
            Assert.Equal(name.StartsWith("fc.", StringComparison.Ordinal), momentum.count_nonzero().item<long>() > 0);
    }

    [Fact]
    public void Train_reports_the_layer_that_was_not_copied_and_a_frozen_run_resumes_frozen()
    {
        SmallMnist.Write(folder.FullPath);
        WriteWeights(Architecture.Find("plain")!, NetworkShape.Mnist with { Classes = 7 });
        string[] train = ["train", "--arch", "plain", "--data", ".", "--batch-size", "10", "--epochs", "1", "--freeze"];
        ProgramRun.Of(folder.FullPath, train).AssertFailed(2, "--freeze needs --init");
        var run = ProgramRun.Of(folder.FullPath, [.. train, "--init", "weights", "--out", "run"]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            "The last layer, linear, keeps its random initial weights: "
                + $"linear.weight is 7x320 in {folder["weights"]}, and 10x320 in this network.\n",
            run.Error);
        Assert.Contains("\"freeze\": true", File.ReadAllText(folder["run/run.json"]));
        string[] resume = ["train", "--data", ".", "--resume", "run/checkpoint.safetensors", "--epochs", "2"];
        Assert.Equal(0, ProgramRun.Of(folder.FullPath, resume).ExitCode);
        using var before = SafetensorsFile.Read(folder["weights"]);
        using var after = SafetensorsFile.Read(folder["run/model.safetensors"]);
        Assert.Equal("2", after.Metadata["epoch"]);
        Assert.All(before.Tensors.Where(tensor => !tensor.Key.StartsWith("linear.", StringComparison.Ordinal)), tensor =>
            Assert.Equal(Bits(tensor.Value), Bits(after.Tensors[tensor.Key])));
    }

    private string Error(Architecture architecture, DataSet data) => Assert.Throws<InvalidDataException>(() =>
        Start(new TrainSettings { Architecture = architecture }, data)).Message;

    private TrainingRun Start(TrainSettings settings, DataSet data, string name = "run") =>
        TrainingRun.Create(new TrainingRequest(settings, data, CPU) { Folder = folder[name], InitialWeights = folder["weights"] });

    private void WriteWeights(Architecture architecture, NetworkShape shape)
    {
        manual_seed(77);
        using var network = architecture.Create(shape);
        new SafetensorsFile(network.state_dict(), new Dictionary<string, string>()).Write(folder["weights"]);
    }

    private static nn.Module<Tensor, Tensor> CreateInitial(Architecture architecture, DataSet data)
    {
        manual_seed(new TrainSettings().Seed);
        return architecture.Create(TrainableModel.ShapeOf(data));
    }

    private static DataSet Data(int channels, int side, int classes, int images = 20)
    {
        using var generator = new Generator(3);
        LabeledImages CreateSet(int count) => new(
            randint(0, 256, [count, channels, side, side], ScalarType.Byte, generator: generator),
            tensor([.. Enumerable.Range(0, count).Select(index => (long)(index % classes))]));
        return new DataSet(
            "nowhere", CreateSet(images), CreateSet(10), [.. Enumerable.Range(0, classes).Select(index => $"class {index}")],
            new Normalization([0.5], [0.29]), ImageFit.Crop, new Dictionary<string, string> { ["file"] = "sum" });
    }

    private static byte[] Bits(Tensor tensor)
    {
        using var contiguous = tensor.contiguous();
        return contiguous.bytes.ToArray();
    }
}
