using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runs;

/// <summary>Runs that start from the weights of other classes, and those that train the last layer alone.</summary>
[Trait("Speed", "Slow")]
public sealed class TransferTests : IDisposable
{
    private static readonly Architecture ResNet18 = Architecture.Find("resnet18")!;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // As torchvision's: its shape, its names, nothing said of them.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Weights_of_a_thousand_classes_learn_five_of_smaller_colour_images(bool freeze)
    {
        WriteWeights(ResNet18, new NetworkShape(3, 224, 224, 1000));
        using var data = Data(channels: 3, side: 32, classes: 5);
        using var fresh = Fresh(ResNet18, data);
        using var weights = SafetensorsFile.Read(folder["weights"]);
        using var run = TrainingRun.Start(new TrainingRequest(new TrainSettings { Architecture = Architecture.Find("resnet18")!, Epochs = 1, BatchSize = 10, Freeze = freeze }, data, CPU) { Folder = folder["run"], InitialWeights = folder["weights"] });
        Assert.Equal([$"The last layer, fc, keeps its random initial weights: fc.weight is 1000x512 in {folder["weights"]}, and 5x512 in this network."], run.InitNotes);
        foreach (var (name, weight) in run.Trainer.Model.state_dict())
            Assert.True(Bits(weight).SequenceEqual(Bits(name.StartsWith("fc.", StringComparison.Ordinal) ? fresh.state_dict()[name] : weights.Tensors[name])), name);

        Assert.True(run.Train([], TestContext.Current.CancellationToken));
        foreach (var (name, weight) in run.Trainer.Model.state_dict())
        {
            // Frozen, the statistics of the batch normalisations and the count of their batches stay too.
            var before = name.StartsWith("fc.", StringComparison.Ordinal) ? fresh.state_dict()[name] : weights.Tensors[name];
            Assert.True(Bits(weight).SequenceEqual(Bits(before)) == (freeze && !name.StartsWith("fc.", StringComparison.Ordinal)), name);
        }

        foreach (var (name, parameter) in run.Trainer.Model.named_parameters())
            Assert.True(parameter.grad is null == (freeze && !name.StartsWith("fc.", StringComparison.Ordinal)), name);
    }

    // Ten letters are not ten digits, though the shapes are the same.
    [Fact]
    public void The_last_layer_of_other_classes_starts_anew_though_it_would_fit()
    {
        using var data = Data(channels: 3, side: 32, classes: 2);
        using (var network = ResNet18.Create(TrainableModel.ShapeOf(data)))
            new SafetensorsFile(network.state_dict(), WeightsMetadata.Of(data with { ClassNames = ["cat", "dog"] }).ToDictionary()).Write(folder["weights"]);
        using var other = TrainingRun.Start(new TrainingRequest(new TrainSettings { Architecture = Architecture.Find("resnet18")!, Seed = 2 }, data with { ClassNames = ["ant", "bee"] }, CPU) { Folder = folder["run"], InitialWeights = folder["weights"] });
        Assert.Equal([$"The last layer, fc, keeps its random initial weights: {folder["weights"]} is of other classes."], other.InitNotes);
        using var same = TrainingRun.Start(new TrainingRequest(new TrainSettings { Architecture = Architecture.Find("resnet18")!, Seed = 2 }, data with { ClassNames = ["cat", "dog"] }, CPU) { Folder = folder["same"], InitialWeights = folder["weights"] });
        Assert.Empty(same.InitNotes);
        Assert.NotEqual(Bits(same.Trainer.Model.state_dict()["fc.weight"]), Bits(other.Trainer.Model.state_dict()["fc.weight"]));
        Assert.Equal(Bits(same.Trainer.Model.state_dict()["conv1.weight"]), Bits(other.Trainer.Model.state_dict()["conv1.weight"]));
    }

    [Fact]
    public void Weights_that_fit_are_taken_whole()
    {
        using var data = Data(channels: 3, side: 32, classes: 5);
        WriteWeights(ResNet18, TrainableModel.ShapeOf(data));
        using var weights = SafetensorsFile.Read(folder["weights"]);
        using var run = TrainingRun.Start(new TrainingRequest(new TrainSettings { Architecture = Architecture.Find("resnet18")! }, data, CPU) { Folder = folder["run"], InitialWeights = folder["weights"] });
        Assert.Empty(run.InitNotes);
        foreach (var (name, weight) in run.Trainer.Model.state_dict())
            Assert.True(Bits(weight).SequenceEqual(Bits(weights.Tensors[name])), name);
    }

    [Theory]
    [InlineData("resnet18", 3, 1)]
    [InlineData("resnet18", 1, 3)]
    [InlineData("plain", 3, 1)]
    [InlineData("inception", 1, 3)]
    public void Weights_for_other_channels_are_refused(string name, int theirs, int ours)
    {
        var architecture = Architecture.Find(name)!;
        WriteWeights(architecture, new NetworkShape(theirs, 32, 32, 10));
        using var data = Data(ours, side: 28, classes: 5);
        Assert.Contains($"it takes images with {theirs} channels, and these have {ours}", Refusal(architecture, data));
    }

    // Of the last layer, too, all must be there and nothing more.
    [Theory]
    [InlineData("conv2.bias", false, "the tensor conv2.bias is missing")]
    [InlineData("linear.bias", false, "the tensor linear.bias is missing")]
    [InlineData("linear.weight", false, "the tensor linear.weight is missing")]
    [InlineData("linear.scale", true, "the tensor linear.scale is not one of the network's")]
    [InlineData("conv3.bias", true, "the tensor conv3.bias is not one of the network's")]
    public void All_but_the_shape_of_the_last_layer_must_fit(string name, bool isExtra, string problem)
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
        Assert.Contains(problem, Refusal(plain, data));
    }

    [Fact]
    public void An_image_of_another_size_makes_the_last_layer_of_the_article_s_networks_anew()
    {
        var plain = Architecture.Find("plain")!;
        WriteWeights(plain, NetworkShape.Mnist);
        using var data = Data(channels: 1, side: 32, classes: 10);
        using var run = TrainingRun.Start(new TrainingRequest(new TrainSettings { Architecture = Architecture.Find("plain")! }, data, CPU) { Folder = folder["run"], InitialWeights = folder["weights"] });
        Assert.Contains("linear.weight is 10x320 in", Assert.Single(run.InitNotes));
        Assert.Contains("10x500 in this network", run.InitNotes[0]);
    }

    // Batch normalisation that keeps its statistics needs no second image.
    [Fact]
    public void A_frozen_network_takes_a_batch_of_one_image()
    {
        using var data = Data(channels: 1, side: 28, classes: 5, images: 11);
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("resnet18")!, Epochs = 1, BatchSize = 10, Freeze = true }, data, CPU);
        trainer.Fit([], TestContext.Current.CancellationToken);
        Assert.Equal(2, trainer.Progress.Epoch);
        Assert.All(trainer.SaveState().MomentumBuffers, momentum => Assert.Equal(momentum.Key.StartsWith("fc.", StringComparison.Ordinal), momentum.Value.count_nonzero().item<long>() > 0));
    }

    [Fact]
    public void The_program_says_which_layer_starts_anew_and_a_frozen_run_goes_on_frozen()
    {
        SmallMnist.Write(folder.FullPath);
        WriteWeights(Architecture.Find("plain")!, NetworkShape.Mnist with { Classes = 7 });
        string[] train = ["train", "--arch", "plain", "--data", ".", "--batch-size", "10", "--epochs", "1", "--freeze"];
        ProgramRun.Of(folder.FullPath, train).AssertFailed(2, "--freeze needs --init");
        var run = ProgramRun.Of(folder.FullPath, [.. train, "--init", "weights", "--out", "run"]);
        Assert.Equal((0, "The last layer, linear, keeps its random initial weights: linear.weight is 7x320 in weights, and 10x320 in this network.\n"), (run.ExitCode, run.Error));
        Assert.Contains("\"freeze\": true", File.ReadAllText(folder["run/run.json"]));
        Assert.Equal(0, ProgramRun.Of(folder.FullPath, "train", "--data", ".", "--resume", "run/checkpoint.safetensors", "--epochs", "2").ExitCode);
        using SafetensorsFile before = SafetensorsFile.Read(folder["weights"]), after = SafetensorsFile.Read(folder["run/model.safetensors"]);
        Assert.Equal("2", after.Metadata["epoch"]);
        Assert.All(before.Tensors.Where(tensor => !tensor.Key.StartsWith("linear.", StringComparison.Ordinal)), tensor =>
            Assert.Equal(Bits(tensor.Value), Bits(after.Tensors[tensor.Key])));
    }

    private string Refusal(Architecture architecture, DataSet data) => Assert.Throws<InvalidDataException>(() =>
        TrainingRun.Start(new TrainingRequest(new TrainSettings { Architecture = architecture }, data, CPU) { Folder = folder["run"], InitialWeights = folder["weights"] })).Message;

    private void WriteWeights(Architecture architecture, NetworkShape shape)
    {
        manual_seed(77);
        using var network = architecture.Create(shape);
        new SafetensorsFile(network.state_dict(), new Dictionary<string, string>()).Write(folder["weights"]);
    }

    private static nn.Module<Tensor, Tensor> Fresh(Architecture architecture, DataSet data)
    {
        manual_seed(new TrainSettings().Seed);
        return architecture.Create(TrainableModel.ShapeOf(data));
    }

    private static DataSet Data(int channels, int side, int classes, int images = 20)
    {
        using var generator = new Generator(3);
        LabeledImages Set(int count) => new(
            randint(0, 256, [count, channels, side, side], ScalarType.Byte, generator: generator),
            tensor([.. Enumerable.Range(0, count).Select(index => (long)(index % classes))]));
        return new DataSet(
            "nowhere", Set(images), Set(10), [.. Enumerable.Range(0, classes).Select(index => $"class {index}")],
            new Normalization(0.5, 0.29), ImageFit.Crop, new Dictionary<string, string> { ["file"] = "sum" });
    }

    private static byte[] Bits(Tensor tensor)
    {
        using var contiguous = tensor.contiguous();
        return contiguous.bytes.ToArray();
    }
}
