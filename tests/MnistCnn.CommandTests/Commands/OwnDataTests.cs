using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Runs;

namespace MnistCnn.Tests.Commands;

/// <summary>From a folder of images to a prediction, in the order of a user's work.</summary>
[Trait("Speed", "Slow")]
public sealed class OwnDataTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Weights_and_checkpoints_contain_the_preprocessing_of_images()
    {
        string[] classes = ["left side", "右"];
        foreach (var (name, isLeft) in new[] { (classes[0], true), (classes[1], false) })
            for (var index = 0; index < 20; index++)
                SmallPictures.Save(
                    folder[$"arrows/{name}/{index}.png"], 90, 60 + index, (x, _) =>
                        (x < 45) == isLeft ? SkiaSharp.SKColors.Red : SkiaSharp.SKColors.Navy);
        string[] images = ["--image-size", "24x20", "--fit", "stretch", "--test-share", "0.4"];
        Run(["train", "--data", "arrows", .. images, "--batch-size", "4", "--lr", "0.02", "--epochs", "2", "--out", "run"]);
        Run("train", "--resume", "run/checkpoint.safetensors", "--epochs", "4");
        using (var info = JsonDocument.Parse(File.ReadAllText(folder["run/run.json"])))
        {
            var pictures = info.RootElement.GetProperty("data").GetProperty("image_settings");
            Assert.Equal((24, 20, "stretch", 0.4), (
                pictures.GetProperty("height").GetInt32(),
                pictures.GetProperty("width").GetInt32(),
                pictures.GetProperty("fit").GetString(),
                pictures.GetProperty("test_share").GetDouble()));
        }

        ProgramRun.Of(folder.FullPath, "train", "--resume", "run/checkpoint.safetensors", "--epochs", "5", "--image-size", "20x20")
            .AssertFailed(1, "prepared in another way: height was 24, now 20");

        // One more image makes another data set.
        var evaluation = JsonDocument.Parse(Run("evaluate", "run", "--data", "arrows", "--json")).RootElement;
        Assert.Equal((16, 100.0), (evaluation.GetProperty("total").GetInt32(), evaluation.GetProperty("accuracy").GetDouble()));
        SmallPictures.Save(folder["arrows/右/more.png"], 90, 60, (_, _) => SkiaSharp.SKColors.Navy);
        Assert.Contains(
            "Test images may have been trained on", ProgramRun.Of(folder.FullPath, "evaluate", "run", "--data", "arrows").Error);
        ProgramRun.Of(folder.FullPath, "train", "--resume", "run/checkpoint.safetensors", "--epochs", "5")
            .AssertFailed(1, "belongs to a run on other data", "were added, removed or changed");
        Directory.Move(folder["arrows"], folder["elsewhere"]);
        ProgramRun.Of(folder.FullPath, "train", "--resume", "run/checkpoint.safetensors", "--epochs", "5")
            .AssertFailed(1, folder["arrows"], "does not exist any more", "--data");

        // Only the weights file, in another folder.
        using var elsewhere = new TemporaryFolder();
        File.Copy(folder["run/best.safetensors"], elsewhere["weights.safetensors"]);
        SmallPictures.Save(elsewhere["one.png"], 300, 200, (x, _) => x < 150 ? SkiaSharp.SKColors.Navy : SkiaSharp.SKColors.Red);
        var run = ProgramRun.Of(elsewhere.FullPath, "predict", "weights.safetensors", "one.png");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches("^one.png   右 ", run.Output);
        using var model = TrainedNetwork.Load(elsewhere["weights.safetensors"]);
        Assert.Equal(new ImageSettings(24, 20, ImageFit.Stretch, Grey: false, TestShare: 0.4), model.ImageSettings);
    }

    [Theory]
    [InlineData(".", "runs")]
    [InlineData("data", "data/run")]
    [InlineData("data", "data/a")]
    public void A_run_folder_inside_the_image_folder_fails(string data, string run)
    {
        SmallPictures.Write(folder[data], ["a", "b"], count: 3);
        var before = folder.Contents;
        string[] outOption = run == "runs" ? [] : ["--out", run];
        ProgramRun.Of(folder.FullPath, ["train", "--data", data, "--epochs", "1", .. outOption])
            .AssertFailed(1, "inside the image folder", "--out");
        Assert.Equal(before, folder.Contents);
    }

    [Fact]
    public void Images_in_both_the_training_and_the_test_set_are_counted()
    {
        SmallPictures.Write(folder["data/train"], ["a", "b"], count: 3);
        SmallPictures.Write(folder["data/test"], ["a", "b"], count: 2, seed: 2);
        File.Copy(folder["data/train/a/001.png"], folder["data/test/b/again.png"]);
        var run = ProgramRun.Of(folder.FullPath, "train", "--data", "data", "--epochs", "1", "--arch", "plain");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Warning: test images that are also training images: 1.\n", run.Error);
    }

    [Fact]
    public void A_resumed_run_finds_its_data_set_among_several_in_a_folder()
    {
        SmallMnist.Write(folder.FullPath, pack: false);
        foreach (var path in Directory.GetFiles(folder.FullPath))
            File.Move(path, folder[$"some-{Path.GetFileName(path).Replace("t10k", "test")}"]);
        Run("train", "--data", "some", "--epochs", "1", "--arch", "plain", "--out", "run");
        Run("train", "--resume", "run/checkpoint.safetensors", "--epochs", "2");
        Assert.Equal(2, File.ReadLines(folder["run/metrics.jsonl"]).Count());
    }

    private string Run(params string[] arguments)
    {
        var run = ProgramRun.Of(folder.FullPath, arguments);
        Assert.True(run.ExitCode == 0, run.Error);
        return run.Output;
    }
}
