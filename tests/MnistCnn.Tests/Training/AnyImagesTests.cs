using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Training;

/// <summary>Networks support images of any size, with one channel or three, in any number of classes.</summary>
[Trait("Speed", "Slow")]
public sealed class AnyImagesTests
{
    private static readonly NetworkShape[] Shapes = [new(1, 16, 16, 2), new(3, 32, 32, 10), new(1, 33, 17, 5)];

    /// <summary>Every network with every shape, but deep networks of blocks that other networks have too with one shape or none.</summary>
    public static TheoryData<string, string, int> Cases { get; } =
    [
        .. from architecture in Architecture.All
           from shape in architecture.Name switch
           {
               "resnet34" or "resnet50" or "plain34" or "resnet56" or "resnet110" or "plain56" or "googlenet" => Shapes[1..2],
               "resnet101" or "resnet152" or "resnet32" or "resnet44" or "plain32" or "plain44" => [],
               _ => Shapes,
           }
           select new TheoryDataRow<string, string, int>(architecture.Name, shape.Input, shape.Classes),
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_network_trains_on_images_of_any_size_and_number_of_classes(string name, string input, int classes)
    {
        var shape = NetworkShape.Parse(input)! with { Classes = classes };
        using var data = RandomData.Of(shape);
        const double learningRate = 1e-5; // noise has large gradients
        var settings = new TrainSettings { Architecture = Architecture.Find(name)!, Epochs = 1, LearningRate = learningRate };
        using var trainer = Trainer.Create(settings, data, CPU);
        var (weights, bias) = (trainer.Model.state_dict().Values.SkipLast(1).Last(), trainer.Model.state_dict().Values.Last());
        using var before = weights.clone();
        Assert.Equal((classes, classes), (weights.shape[0], bias.shape[0]));
        var recorder = new Recorder();
        trainer.Fit([recorder], TestContext.Current.CancellationToken);
        Assert.True(double.IsFinite(Assert.Single(recorder.Steps).Loss));
        Assert.False(before.equal(weights).all().item<bool>());
    }

    [Theory]
    [InlineData("resnet34", 512)]
    [InlineData("plain34", 512)]
    [InlineData("resnet50", 2048)]
    [InlineData("resnet101", 2048)]
    [InlineData("resnet152", 2048)]
    public void The_deepest_networks_can_be_created_for_any_images(string name, int features)
    {
        foreach (var shape in Shapes)
        {
            using var skeleton = Architecture.Find(name)!.CreateOnMeta(shape);
            var weights = skeleton.state_dict();
            Assert.Equal([64, shape.Channels, 7, 7], weights["conv1.weight"].shape);
            Assert.Equal([shape.Classes, features], weights["fc.weight"].shape);
        }
    }

    [Theory]
    [InlineData(1, 16, 16, 2)]
    [InlineData(3, 32, 32, 10)]
    [InlineData(1, 33, 17, 5)]
    public void Weights_of_a_network_for_any_images_are_read_from_their_file(int channels, int height, int width, int classes)
    {
        var shape = new NetworkShape(channels, height, width, classes);
        using var folder = new TemporaryFolder();
        using var data = RandomData.Of(shape);
        using var run = TrainingRun.Create(new TrainingRequest(new TrainSettings { Epochs = 1 }, data, CPU) { Folder = folder["run"] });
        Assert.True(run.Train([], TestContext.Current.CancellationToken));
        using var loaded = TrainedNetwork.Load(folder["run/model.safetensors"]);
        Assert.Equal((Architecture.Default.Name, shape), (loaded.Architecture.Name, loaded.Shape));
        Assert.Equal(data.ClassNames, loaded.ClassNames);
        using var images = data.Normalization.Apply(data.Test.Images);
        using var logits = loaded.Network.call(images);
        Assert.Equal([3, classes], logits.shape);
        Assert.True(logits.allclose(run.Trainer.Model.call(images), rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void Images_of_unsupported_sizes_are_an_error()
    {
        AssertRefused("plain", new NetworkShape(1, 15, 40, 2), "16x16");
        AssertRefused("resnet18", new NetworkShape(1, 1, 16_385, 2), "16384");
        using var small = RandomData.Of(new NetworkShape(3, 1, 1, 2));
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("resnet18")!, Epochs = 1 }, small, CPU);
        trainer.Fit([], TestContext.Current.CancellationToken);

        static void AssertRefused(string name, NetworkShape shape, string part)
        {
            using var data = RandomData.Of(shape);
            var settings = new TrainSettings { Architecture = Architecture.Find(name)! };
            Assert.Contains(part, Assert.Throws<UserException>(() => Trainer.Create(settings, data, CPU)).Message);
        }
    }

    [Theory]
    [InlineData(1, null)]
    [InlineData(2, "these have 2 channels")]
    [InlineData(3, null)]
    [InlineData(4, "these have 4 channels")]
    public void Jitter_needs_grey_or_RGB_images(int channels, string? problem)
    {
        using var data = RandomData.Of(new NetworkShape(channels, 16, 16, 2));
        var settings = new TrainSettings { Epochs = 1, Augment = new Augmentation(ResizedCrop: 0.5, Jitter: 0.4) };
        if (problem is not null)
            Assert.Contains(problem, Assert.Throws<UserException>(() => Trainer.Create(settings, data, CPU)).Message);
        settings = problem is null ? settings : settings with { Augment = new Augmentation(ResizedCrop: 0.5) };
        using var trainer = Trainer.Create(settings, data, CPU);
        trainer.Fit([], TestContext.Current.CancellationToken);
    }
}
