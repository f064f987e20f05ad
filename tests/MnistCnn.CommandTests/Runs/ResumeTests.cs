using System.Text.RegularExpressions;

namespace MnistCnn.Tests.Runs;

/// <summary>A run that is killed and taken up again ends as the run that was never stopped, byte for byte.</summary>
[Trait("Speed", "Slow")]
public sealed partial class ResumeTests : IDisposable
{
    private static readonly string[] Short = ["--arch", "plain", "--batch-size", "16", "--threads", "1", "--device", "cpu", "--validation", "50"];

    private readonly TemporaryFolder folder = new();

    public ResumeTests()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 320, test: 100);
    }

    public void Dispose() => folder.Dispose();

    // The learning rate of a step depends on how many there are before and behind it.
    [Fact]
    public async Task A_learning_rate_of_one_cycle_goes_on_where_it_stood()
    {
        string[] arguments = [.. Short, "--data", "data", "--recipe", "fast", "--epochs", "20", "--checkpoint-every", "5"];
        Assert.Equal(0, Run([.. arguments, "--out", "whole"]).ExitCode);
        using (var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, "train", .. arguments, "--out", "killed"]))
        {
            while (!File.Exists(folder["killed/best.safetensors"]))
            {
                Assert.False(process.HasExited, "it ended before it could be killed");
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }

            process.Kill();
            process.WaitForExit();
        }

        using (var checkpoint = MnistCnn.Runs.Checkpoint.Read(folder["killed/checkpoint.safetensors"]))
            Assert.InRange(checkpoint.State.Epoch, 1, 20);
        string[] resume = ["--resume", "killed/checkpoint.safetensors", "--data", "data", "--threads", "1"];
        Run([.. resume, "--epochs", "21"]).AssertFailed(1, "epochs was 20, now 21");
        Assert.Equal(0, Run(resume).ExitCode);
        AssertSame("whole", "killed");
    }

    [Fact]
    public async Task Killed_at_random_moments_it_ends_with_the_same_bytes()
    {
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "whole", "--epochs", "2"]).ExitCode);
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "part", "--epochs", "1"]).ExitCode);
        Assert.Equal(0, Run(["--resume", "part/checkpoint.safetensors", "--data", "data", "--out", "more", "--epochs", "2", "--threads", "1"]).ExitCode);

        // Each life ends at some moment after its second checkpoint, so that it has done some steps, however slow the machine.
        var random = new Random(1);
        var kills = 0;
        string[] arguments = [.. Short, "--epochs", "400", "--data", "data", "--out", "killed", "--checkpoint-every", "3"];
        while (kills < 8)
        {
            var checkpoint = folder["killed/checkpoint.safetensors"];
            var last = File.GetLastWriteTimeUtc(checkpoint); // of a file that is not there, some time long ago
            using var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, "train", .. arguments]);
            for (var written = 0; written < 2;)
            {
                Assert.False(process.HasExited, "it ended before it could be killed");
                await Task.Delay(10, TestContext.Current.CancellationToken);
                if (File.GetLastWriteTimeUtc(checkpoint) is var time && time != last)
                    (last, written) = (time, written + 1);
            }

            await Task.Delay(random.Next(100), TestContext.Current.CancellationToken);
            Assert.False(process.HasExited, "it ended before it could be killed");
            process.Kill();
            process.WaitForExit();
            kills++;
            arguments = ["--resume", "killed/checkpoint.safetensors", "--data", "data", "--threads", "1", "--checkpoint-every", "3", "--epochs", "400"];
        }

        // How far the kills let it come is chance; both runs are then brought to the same epoch.
        using var final = MnistCnn.Runs.Checkpoint.Read(folder["killed/checkpoint.safetensors"]);
        Assert.True(final.State.History.Count >= 2, "the kills left it no time to learn");
        var epochs = $"{final.State.History.Count + 1}";
        Assert.Equal(0, Run(["--resume", "killed/checkpoint.safetensors", "--data", "data", "--threads", "1", "--epochs", epochs]).ExitCode);
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "undisturbed", "--epochs", epochs]).ExitCode);
        AssertSame("undisturbed", "killed");
        Assert.Equal(File.ReadLines(folder["whole/metrics.jsonl"]).Take(2).Select(WithoutTimes), File.ReadLines(folder["more/metrics.jsonl"]).Select(WithoutTimes));
    }

    [Fact]
    public void The_plot_of_a_resumed_run_has_all_its_epochs()
    {
        string[] arguments = [.. Short, "--data", "data"];
        Assert.Equal(0, Run([.. arguments, "--epochs", "2", "--out", "whole"]).ExitCode);
        Assert.Equal(0, Run([.. arguments, "--epochs", "1", "--out", "part"]).ExitCode);
        string[] resume = ["--resume", "part/checkpoint.safetensors", "--data", "data", "--threads", "1"];
        Assert.Equal(0, Run([.. resume, "--epochs", "2"]).ExitCode);
        Assert.Equal(File.ReadAllBytes(folder["whole/accuracy.png"]), File.ReadAllBytes(folder["part/accuracy.png"]));
    }

    [Fact]
    public void Other_settings_and_other_data_are_refused_by_name()
    {
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "out", "--epochs", "1"]).ExitCode);
        var checkpoint = File.ReadAllBytes(folder["out/checkpoint.safetensors"]);
        string[] resume = ["--resume", "out/checkpoint.safetensors", "--data", "data"];
        Run([.. resume, "--lr", "0.5", "--seed", "9"]).AssertFailed(1, "learning_rate was 0.01, now 0.5", "seed was 1, now 9");
        Run([.. resume, "--augment", "flip"]).AssertFailed(1, "augment was nothing, now \"flip\"");
        Run([.. resume, "--arch", "residual"]).AssertFailed(1, "architecture");
        Assert.Equal(0, Run([.. resume, "--epochs", "3", "--threads", "1", "--out", "longer"]).ExitCode);
        Run(["--resume", "longer/checkpoint.safetensors", "--data", "data", "--epochs", "2"]).AssertFailed(1, "3 epochs done already");
        SmallMnist.Write(folder["data"], train: 320, test: 100, seed: 2);
        Run(resume).AssertFailed(1, "train-images-idx3-ubyte");
        Assert.Equal(checkpoint, File.ReadAllBytes(folder["out/checkpoint.safetensors"]));
        Run(["--resume", "out/model.safetensors"]).AssertFailed(1, "not a checkpoint");
        Run(["--data", "data", "--arch", "plain", "--init", "out/checkpoint.safetensors"]).AssertFailed(1, "is a checkpoint");
        ProgramRun.Of(folder.FullPath, "evaluate", "out/checkpoint.safetensors").AssertFailed(1, "is a checkpoint", "model.safetensors");
        Run(["--resume", "nowhere"]).AssertFailed(1, "nowhere");
    }

    [Fact]
    public void Validation_chooses_the_best_epoch_and_patience_ends_the_run()
    {
        var run = Run([.. Short, "--data", "data", "--out", "out", "--epochs", "200", "--patience", "2"]);
        Assert.Equal(0, run.ExitCode);
        var accuracies = File.ReadLines(folder["out/metrics.jsonl"])
            .Select(line => double.Parse(ValidationAccuracy().Match(line).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        var best = Array.IndexOf(accuracies, accuracies.Max()) + 1;
        Assert.Equal(best + 2, accuracies.Length);
        using var file = MnistCnn.Files.SafetensorsFile.Read(folder["out/best.safetensors"]);
        Assert.Equal($"{best}", file.Metadata["epoch"]);
        Assert.Contains($" % (epoch {best}, chosen by ", run.Output);
        Assert.Matches($@"Best accuracy +{Regex.Escape(double.Parse(file.Metadata["test_accuracy"], System.Globalization.CultureInfo.InvariantCulture).ToString("F2", System.Globalization.CultureInfo.InvariantCulture))} %", run.Output);
    }

    [Fact]
    public void Init_starts_from_weights_and_refuses_others()
    {
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "first", "--epochs", "2"]).ExitCode);
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "second", "--epochs", "1", "--init", "first/model.safetensors"]).ExitCode);
        static double Loss(string line) => System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("train_loss").GetDouble();
        Assert.True(Loss(File.ReadLines(folder["second/metrics.jsonl"]).First()) < Loss(File.ReadLines(folder["first/metrics.jsonl"]).First()));
        Run(["--arch", "residual", "--data", "data", "--init", "first/model.safetensors"]).AssertFailed(1, "weights of plain, not of residual.", "--arch plain");
        Run(["--arch", "residual", "--data", "data", "--init", Fixture.PathOf("inception.safetensors")]).AssertFailed(1, "rBlock1.conv1.weight is missing");
    }

    // Its weights have the names and shapes of residual's; which ones they are, the file says.
    [Fact]
    public void Init_refuses_the_weights_of_a_network_that_computes_something_else()
    {
        string[] printed = ["--arch", "residual-as-printed", "--data", "data", "--epochs", "1"];
        Assert.Equal(0, Run([.. printed, "--out", "first", "--tensorboard"]).ExitCode);
        string[] init = ["--init", "first/model.safetensors"];
        Run(["--data", "data", .. init]).AssertFailed(1, "weights of residual-as-printed, not of residual.", "--arch residual-as-printed");
        Assert.False(Directory.Exists(folder["runs"]));
        Assert.Equal(0, Run([.. printed, "--out", "second", .. init]).ExitCode);

        // PyTorch's say nothing.
        Assert.Equal(0, Run([.. printed, "--out", "third", "--init", Fixture.PathOf("residual.safetensors")]).ExitCode);
        Assert.Equal(0, Run(["--arch", "residual", "--data", "data", "--epochs", "1", "--out", "fourth", "--init", Fixture.PathOf("residual.safetensors")]).ExitCode);
    }

    private void AssertSame(string expected, string actual)
    {
        foreach (var name in new[] { "model.safetensors", "best.safetensors" })
            Assert.Equal(File.ReadAllBytes(folder[$"{expected}/{name}"]), File.ReadAllBytes(folder[$"{actual}/{name}"]));
        Assert.Equal(
            File.ReadLines(folder[$"{expected}/metrics.jsonl"]).Select(WithoutTimes),
            File.ReadLines(folder[$"{actual}/metrics.jsonl"]).Select(WithoutTimes));
    }

    private static string WithoutTimes(string line) => Times().Replace(line, "");

    private ProgramRun Run(string[] arguments) => ProgramRun.Of(folder.FullPath, ["train", .. arguments]);

    [GeneratedRegex("\"(train_seconds|test_seconds|images_per_second)\":[^,}]*")]
    private static partial Regex Times();

    [GeneratedRegex("\"validation_accuracy\":([^,}]*)")]
    private static partial Regex ValidationAccuracy();
}
