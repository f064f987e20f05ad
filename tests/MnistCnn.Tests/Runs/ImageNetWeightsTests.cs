using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runs;

/// <summary>Weights with torchvision's and timm's names for ImageNet's 1,000 classes, without this program's metadata.</summary>
[Trait("Speed", "Slow")]
public sealed class ImageNetWeightsTests : IDisposable
{
    private const string ImageNetNote =
        "Pixels are normalized with mean 0.485, 0.456, 0.406 and standard deviation 0.229, 0.224, 0.225, as the ImageNet weights in ";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Training_resuming_evaluation_and_export_normalize_as_for_ImageNet()
    {
        Write("resnet20");
        SmallPictures.Write(folder["pictures"], ["ant", "bee"], count: 10);
        string[] train =
        [
            "train", "--arch", "resnet20", "--recipe", "article", "--batch-size", "4", "--data", "pictures",
            "--init", "resnet20.safetensors",
        ];
        Assert.Equal(
            "The last layer, fc, keeps its random initial weights: "
                + $"fc.weight is 1000x64 in {folder["resnet20.safetensors"]}, and 2x64 in this network.\n"
                + $"{ImageNetNote}{folder["resnet20.safetensors"]} need.\n",
            Done([.. train, "--epochs", "1", "--out", "run"]).Error);
        Assert.Equal(Normalization.ImageNet, RunInfo.Read(folder["run/run.json"]).Data.Normalization);

        Done("train", "--resume", "run", "--epochs", "2");
        Assert.Equal(Normalization.ImageNet, RunInfo.Read(folder["run/run.json"]).Data.Normalization);
        Done([.. train, "--epochs", "2", "--out", "whole"]);
        Assert.Equal(File.ReadAllBytes(folder["whole/model.safetensors"]), File.ReadAllBytes(folder["run/model.safetensors"]));

        var loss = RunRecord.Read(folder["run"]).Epochs[1].TestLoss;
        Assert.Contains($"loss {loss:F4}", Done("evaluate", "run/model.safetensors", "--data", "pictures").Output);
        Done("export", "run/model.safetensors", "--out", "run.onnx");
        Assert.Contains("0.485,0.456,0.406", File.ReadAllText(folder["run.onnx"]));

        // A second training on other images, from the weights of the first.
        SmallPictures.Write(folder["more"], ["cow", "dog", "eel"], count: 5);
        train = ["train", "--arch", "resnet20", "--data", "more", "--batch-size", "4", "--epochs", "1"];
        Assert.Contains(
            $"{ImageNetNote}{folder["run/model.safetensors"]} need.\n",
            Done([.. train, "--init", "run/model.safetensors", "--out", "second"]).Error);
        Done([.. train, "--out", "own"]);
        Assert.False(RunInfo.Read(folder["own/run.json"]).Data.Normalization.IsOfImageNet);
    }

    // The normalized pixels of torchvision, converted as by its GoogLeNet's transform_input.
    [Fact]
    public void GoogLeNet_takes_pixels_from_minus_1_to_1()
    {
        Write("googlenet");
        using var data = RandomData.Of(new NetworkShape(3, 16, 16, 2));
        var settings = new TrainSettings { Architecture = Architecture.Find("googlenet")! };
        using var run = TrainingRun.Create(
            new TrainingRequest(settings, data, CPU) { Folder = folder["run"], InitialWeights = folder["googlenet.safetensors"] });
        Assert.Equal(Normalization.ImageNetOfGoogLeNet, run.Trainer.Splits.Normalization);
        Assert.Equal(3, run.InitNotes.Count);
        Assert.Contains("those in", run.InitNotes[1]);
        Assert.Contains("with mean 0.5, 0.5, 0.5 and standard deviation 0.5, 0.5, 0.5, as the ImageNet weights in", run.InitNotes[2]);

        using var usual = Normalization.ImageNet.Apply(data.Train.Images);
        using var std = tensor([0.229f, 0.224f, 0.225f]).view(3, 1, 1);
        using var mean = tensor([0.485f, 0.456f, 0.406f]).view(3, 1, 1);
        using var transformed = usual * (std / 0.5f) + (mean - 0.5f) / 0.5f;
        using var ours = run.Trainer.Splits.Normalization.Apply(data.Train.Images);
        Assert.True(transformed.allclose(ours, atol: 1e-6));
    }

    [Theory]
    [InlineData(3, 1000, true)]
    [InlineData(3, 999, false)]
    [InlineData(1, 1000, false)]
    public void Only_1000_classes_of_colour_images_count_as_ImageNet(int channels, int classes, bool isOfImageNet)
    {
        Write("resnet20", channels, classes);
        using var initial = InitialWeights.Read(folder["resnet20.safetensors"], Architecture.Find("resnet20")!);
        Assert.Equal(isOfImageNet ? Normalization.ImageNet : null, initial!.Normalization);
        if (!isOfImageNet)
            return;
        using var trained = TrainedNetwork.Load(folder["resnet20.safetensors"]);
        Assert.Equal(("resnet20", new NetworkShape(3, 224, 224, 1000)), (trained.Architecture.Name, trained.Shape));
    }

    // One image is cut off in its pixels: decoding it is an error.
    [Theory]
    [InlineData("--arch resnet20 --init missing.safetensors", "missing.safetensors", "does not exist")]
    [InlineData("--arch resnet20 --init grey.safetensors", "it takes images with 1 channels, and these have 3")]
    [InlineData("--arch resnet20 --init resnet20.safetensors --grey", "it takes images with 3 channels, and these have 1")]
    [InlineData("--arch plain --init resnet20.safetensors", "holds the weights of resnet20, not of plain. Use --arch resnet20.")]
    [InlineData("--arch plain --init other.safetensors", "does not hold the weights of this network: the tensor conv1.weight is missing")]
    [InlineData("--arch googlenet --image-size 14x20", "This network takes images of 15x15 pixels or more, not of 14x20.")]
    [InlineData("--arch plain --image-size 15x15", "This network takes images of 16x16 pixels or more, not of 15x15.")]
    [InlineData("--arch resnet20", "1 of 20 images", "cannot be read")]
    public void Weights_and_sizes_are_checked_before_an_image_is_decoded(string options, params string[] problem)
    {
        Write("resnet20");
        Write("resnet20", channels: 1, name: "grey");
        using (var other = ones(2, 2))
            new SafetensorsFile(new Dictionary<string, Tensor> { ["other"] = other }, new Dictionary<string, string>())
                .Write(folder["other.safetensors"]);
        SmallPictures.Write(folder["pictures"], ["ant", "bee"], count: 10);
        using (var image = File.OpenWrite(folder["pictures/ant/003.png"]))
            image.SetLength(300);
        Run(["train", "--data", "pictures", .. options.Split(' '), "--out", "run"]).AssertFailed(1, problem);
        Assert.False(Directory.Exists(folder["run"]));
    }

    [Fact]
    public void A_sweep_names_the_training_whose_network_needs_larger_images()
    {
        SmallPictures.Write(folder["pictures"], ["ant", "bee"], count: 3);
        Run("sweep", "arch=resnet20,googlenet", "--data", "pictures", "--image-size", "14x14", "--out", "sweep")
            .AssertFailed(1, "arch=googlenet cannot be trained: This network takes images of 15x15 pixels or more, not of 14x14.");
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);

    private ProgramRun Done(params string[] arguments)
    {
        var run = Run(arguments);
        Assert.True(run.ExitCode == 0, run.Error);
        return run;
    }

    // As torchvision's files: with auxiliary classifiers, and the older ones without the counts of batches.
    private void Write(string architecture, int channels = 3, int classes = 1000, string? name = null)
    {
        manual_seed(77);
        using var network = Architecture.Find(architecture)!.CreateForTraining(new NetworkShape(channels, 224, 224, classes));
        var tensors = network.state_dict().Where(tensor => !tensor.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal));
        new SafetensorsFile(tensors.ToDictionary(), new Dictionary<string, string>())
            .Write(folder[$"{name ?? architecture}.safetensors"]);
    }
}
