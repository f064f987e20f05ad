using System.Text.Json;

namespace MnistCnn.Tests.Commands;

/// <summary><c>train --find-lr</c>.</summary>
[Trait("Speed", "Slow")]
public sealed class FindLearningRateTests : IDisposable
{
    private static readonly string[] Find =
        ["train", "--find-lr", "--arch", "plain", "--batch-size", "32", "--train-limit", "200", "--test-limit", "10", "--device", "cpu"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_suggested_option_trains_and_no_weights_are_kept()
    {
        var run = Run([.. Find, "--out", "out"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(["out", "out/find-lr.csv", "out/find-lr.png"], folder.Contents);
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Matches(@"^Suggestion: --lr \d\S*, a quarter of the rate with the lowest smoothed loss\.$", lines[0]);
        Assert.Equal([folder["out/find-lr.csv"], folder["out/find-lr.png"]], lines[1..]);
        Assert.Equal("learning_rate,loss,smoothed_loss", File.ReadLines(folder["out/find-lr.csv"]).First());

        // The suggestion learns more in four epochs than the article's rate, on so few images.
        var option = lines[0].Split(' ')[1..3];
        Assert.True(AccuracyOf([option[0], option[1].TrimEnd(',')]) > AccuracyOf([]));

        double AccuracyOf(string[] options)
        {
            string[] train = ["train", .. With(Find, ["--test-limit", "1000", "--epochs", "4", "--json"]).Skip(2), .. options];
            var epochs = JsonDocument.Parse(Run(train).Output).RootElement.GetProperty("epochs");
            return epochs[3].GetProperty("test_accuracy").GetDouble();
        }
    }

    [Fact]
    public void Without_a_folder_the_files_are_in_a_new_one_and_the_plot_can_be_elsewhere()
    {
        var run = Run([.. Find, "--plot", "plots/rates.svg", "--json"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var document = JsonDocument.Parse(run.Output).RootElement;
        string[] files = [.. document.GetProperty("files").EnumerateArray().Select(file => file.GetString()!)];
        Assert.Matches(@"[\\/]runs[\\/]find-lr-plain-\d{8}-\d{6}[\\/]find-lr\.csv$", files[0]);
        Assert.Equal(folder["plots/rates.svg"], files[1]);
        Assert.Equal(2, files.Count(File.Exists));
        Assert.Empty(Directory.GetFiles(folder.FullPath, "*.safetensors", SearchOption.AllDirectories));
        Assert.Equal(document.GetProperty("steps").GetArrayLength(), File.ReadLines(files[0]).Count() - 1);
        var lowest = document.GetProperty("lowest").GetProperty("learning_rate").GetDouble();
        Assert.Equal(lowest / 4, document.GetProperty("suggestion").GetDouble(), 0.05 * lowest);
    }

    // A one-cycle schedule of one epoch would end after two steps.
    [Theory]
    [InlineData("--recipe sprint")]
    [InlineData("--schedule steps --lr-milestones 2 --clip-norm 1")]
    [InlineData("--augment shift=1,erase --momentum 0 --weight-decay 0.001 --class-weights balanced --label-smoothing 0.1")]
    [InlineData("--arch resnet20 --train-limit 40 --batch-size 20")]
    [InlineData("--replicas 1 --validation 100 --patience 1")]
    [InlineData("--init plain.safetensors --freeze --data pictures --image-size 28x28 --grey --batch-size 10")]
    public void It_works_with_the_options_of_a_training(string options)
    {
        SmallPictures.Write(folder["pictures"], ["cat", "dog"], count: 20);
        File.Copy(Fixture.PathOf("plain-f64.safetensors"), folder["plain.safetensors"]);
        string[] all = [.. With(Find, options.Split(' ')), "--out", "out"];
        var run = Run(all);
        Assert.True(run.ExitCode == 0 || run.Error.Contains("No learning rate can be suggested"), run.Error);
        Assert.True(File.ReadLines(folder["out/find-lr.csv"]).Count() > 50, File.ReadAllText(folder["out/find-lr.csv"]));
    }

    [Fact]
    public void A_second_test_overwrites_the_files_of_the_first_and_a_run_may_follow_in_the_folder()
    {
        Assert.Equal(0, Run([.. Find, "--out", "out"]).ExitCode);
        var first = File.ReadAllBytes(folder["out/find-lr.csv"]);
        Assert.Equal(0, Run([.. Find, "--out", "out"]).ExitCode);
        Assert.Equal(first, File.ReadAllBytes(folder["out/find-lr.csv"]));
        Assert.Equal(0, Run([.. Find[..1], .. Find[2..], "--out", "out", "--epochs", "1"]).ExitCode);
    }

    // With one image of random pixels per batch, losses differ too much.
    [Fact]
    public void Without_a_fall_of_the_loss_there_is_no_suggestion()
    {
        SmallMnist.Write(folder.FullPath, train: 200);
        var run = Run([.. With(Find, ["--batch-size", "1"]), "--data", ".", "--out", "out", "--json"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(
            "error: No learning rate can be suggested: the smoothed loss never fell by more than batches differ. "
            + "Try a larger --batch-size.\n",
            run.Error);
        Assert.Equal(JsonValueKind.Null, JsonDocument.Parse(run.Output).RootElement.GetProperty("suggestion").ValueKind);
        Assert.True(File.Exists(folder["out/find-lr.csv"]) && File.Exists(folder["out/find-lr.png"]));
    }

    [Fact]
    public async Task A_signal_ends_the_test_without_a_suggestion_and_leaves_no_files()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no signals to send on Windows");
        string[] slow = [.. With(Find, ["--arch", "residual", "--batch-size", "1000", "--train-limit", "1000"]), "--threads", "1"];
        using var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. slow]);
        while (!Directory.Exists(folder["runs"]) || Directory.GetDirectories(folder["runs"]).Length == 0)
        {
            Assert.False(process.HasExited);
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        using (var kill = System.Diagnostics.Process.Start("kill", ["-TERM", $"{process.Id}"]))
            kill.WaitForExit();
        var run = ProgramRun.Finish(process);
        Assert.Equal((130, "", "Stopped before the end of the test: there is no suggestion.\n"), (run.ExitCode, run.Output, run.Error));
        Assert.Equal(["runs"], folder.Contents);
    }

    [Fact]
    public void Wrong_uses_fail_before_the_test()
    {
        Run(["train", "--find-lr", "--resume", "run"]).AssertFailed(2, "--find-lr", "--resume");
        File.WriteAllText(folder["file"], "");
        Run([.. Find, "--out", "file"]).AssertFailed(1, folder["file"]);
        Run([.. Find, "--plot", "file/plot.png"]).AssertFailed(1, folder["file"]);
        Assert.Equal(["file"], folder.Contents);
    }

    private ProgramRun Run(string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);

    // Replaces the values of some options.
    private static IEnumerable<string> With(IReadOnlyList<string> arguments, string[] others)
    {
        List<string> result = [.. arguments];
        foreach (var name in others.Where(other => other.StartsWith("--", StringComparison.Ordinal) && result.Contains(other)))
            result.RemoveRange(result.IndexOf(name), 2);
        return [.. result, .. others];
    }
}
