using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Runs;

namespace MnistCnn.Tests.Commands;

/// <summary>From a folder of pictures to a prediction, as a user goes.</summary>
[Trait("Speed", "Slow")]
public sealed class OwnDataTests : IDisposable
{
    private static readonly string Page = Path.Combine(RepositoryRoot.FullPath, "docs", "own-data.md");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // The letters A to J in the fonts of this system, as notMNIST was made.
    [Fact]
    public void The_commands_of_the_page_work_as_they_stand()
    {
        string[] commands = [.. File.ReadLines(Page).Where(line => line.StartsWith("    dotnet run ", StringComparison.Ordinal)).Select(line => line.Trim())];
        Assert.Equal(4, commands.Length);
        var output = new List<string>();
        foreach (var command in commands)
        {
            var arguments = command.Replace("../../", $"{RepositoryRoot.FullPath}/").Split(' ')[2..];
            var run = arguments[0].EndsWith(".cs", StringComparison.Ordinal)
                ? ProgramRun.OfDotnet(folder.FullPath, ["run", .. arguments])
                : ProgramRun.Of(folder.FullPath, arguments);
            Assert.True(run.ExitCode == 0, $"{command}: {run.Output}{run.Error}");
            output.Add(run.Output + run.Error);
        }

        Assert.Matches(@"Data: [\d,]+ grey images of 32x32 in 10 classes, 80 % to train on", output[1]);
        Assert.Matches(@"Residual: accuracy 9\d\.\d\d %", output[2]);
        var predictions = output[3].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.InRange(predictions.Count(line => line.Contains(".png   C ")), 0.9 * predictions.Length, predictions.Length);
    }

    [Fact]
    public void Weights_say_what_becomes_of_a_picture_and_a_run_goes_on_without_being_told_again()
    {
        string[] classes = ["left side", "右"];
        foreach (var (name, isLeft) in new[] { (classes[0], true), (classes[1], false) })
            for (var index = 0; index < 20; index++)
                SmallPictures.Save(
                    folder[$"arrows/{name}/{index}.png"], 90, 60 + index, (x, _) => (x < 45) == isLeft ? SkiaSharp.SKColors.Red : SkiaSharp.SKColors.Navy);
        Run("train", "--data", "arrows", "--image-size", "24x20", "--fit", "stretch", "--test-share", "0.4", "--batch-size", "4", "--lr", "0.02",
            "--epochs", "2", "--out", "run");
        Run("train", "--resume", "run/checkpoint.safetensors", "--epochs", "4");
        using (var info = JsonDocument.Parse(File.ReadAllText(folder["run/run.json"])))
        {
            var pictures = info.RootElement.GetProperty("data").GetProperty("pictures");
            Assert.Equal((24, 20, "stretch", 0.4), (
                pictures.GetProperty("height").GetInt32(), pictures.GetProperty("width").GetInt32(), pictures.GetProperty("fit").GetString(),
                pictures.GetProperty("test_share").GetDouble()));
        }

        // Another picture is another set.
        var evaluation = JsonDocument.Parse(Run("evaluate", "run", "--data", "arrows", "--json")).RootElement;
        Assert.Equal((16, 100.0), (evaluation.GetProperty("total").GetInt32(), evaluation.GetProperty("accuracy").GetDouble()));
        SmallPictures.Save(folder["arrows/右/more.png"], 90, 60, (_, _) => SkiaSharp.SKColors.Navy);
        ProgramRun.Of(folder.FullPath, "train", "--resume", "run/checkpoint.safetensors", "--epochs", "5").AssertFailed(1, "belongs to a run on other data", "pictures");

        // The weights file alone, elsewhere.
        using var elsewhere = new TemporaryFolder();
        File.Copy(folder["run/best.safetensors"], elsewhere["weights.safetensors"]);
        SmallPictures.Save(elsewhere["one.png"], 300, 200, (x, _) => x < 150 ? SkiaSharp.SKColors.Navy : SkiaSharp.SKColors.Red);
        var run = ProgramRun.Of(elsewhere.FullPath, "predict", "weights.safetensors", "one.png");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches("^one.png   右 ", run.Output);
        using var model = TrainedNetwork.Load(elsewhere["weights.safetensors"]);
        Assert.Equal(new PictureSettings(24, 20, PictureFit.Stretch, Grey: false, TestShare: 0.4), model.Pictures);
    }

    private string Run(params string[] arguments)
    {
        var run = ProgramRun.Of(folder.FullPath, arguments);
        Assert.True(run.ExitCode == 0, run.Error);
        return run.Output;
    }
}
