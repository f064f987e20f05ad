using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace MnistCnn.Tests.Runs;

/// <summary>A killed and resumed run ends with the same bytes as an uninterrupted one.</summary>
[Trait("Speed", "Slow")]
public sealed partial class ResumeTests : IDisposable
{
    private static readonly string[] Short =
        ["--arch", "plain", "--batch-size", "16", "--threads", "1", "--device", "cpu", "--validation", "50"];

    private readonly TemporaryFolder folder = new();

    public ResumeTests()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 320, test: 100);
    }

    public void Dispose() => folder.Dispose();

    // The learning rate of a step depends on the numbers of steps before and after it.
    [Fact]
    public async Task A_one_cycle_schedule_resumes_exactly()
    {
        string[] arguments = [.. Short, "--data", "data", "--recipe", "fast", "--epochs", "20", "--checkpoint-every", "5"];
        Assert.Equal(0, Run([.. arguments, "--out", "whole"]).ExitCode);
        using (var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, "train", .. arguments, "--out", "killed"]))
        {
            while (!File.Exists(folder["killed/best.safetensors"]))
            {
                Assert.False(process.HasExited, "the run ended too early");
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }

            process.Kill();
            process.WaitForExit();
        }

        using (var checkpoint = MnistCnn.Runs.Checkpoint.Read(folder["killed/checkpoint.safetensors"]))
            Assert.InRange(checkpoint.Progress.Epoch, 1, 20);
        string[] resume = ["--resume", "killed/checkpoint.safetensors", "--data", "data", "--threads", "1"];
        Run([.. resume, "--epochs", "21"]).AssertFailed(1, "epochs was 20, now 21");
        Assert.Equal(0, Run(resume).ExitCode);
        AssertSame("whole", "killed");
    }

    [Fact]
    public async Task A_run_that_is_killed_at_random_moments_ends_with_the_same_bytes()
    {
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "whole", "--epochs", "2"]).ExitCode);
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "part", "--epochs", "1"]).ExitCode);
        string[] resumePart = ["--resume", "part/checkpoint.safetensors", "--data", "data", "--threads", "1"];
        Assert.Equal(0, Run([.. resumePart, "--out", "more", "--epochs", "2"]).ExitCode);

        // Each process is killed after its second checkpoint, so that it has done some steps on any machine.
        var random = new Random(1);
        var kills = 0;
        string[] resume = ["--resume", "killed/checkpoint.safetensors", "--data", "data", "--threads", "1"];
        string[] arguments = [.. Short, "--epochs", "400", "--data", "data", "--out", "killed", "--checkpoint-every", "3"];
        while (kills < 8)
        {
            var checkpoint = folder["killed/checkpoint.safetensors"];
            var last = File.GetLastWriteTimeUtc(checkpoint); // a date long ago if there is no file
            using var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, "train", .. arguments]);
            for (var written = 0; written < 2;)
            {
                Assert.False(process.HasExited, "the run ended too early");
                await Task.Delay(10, TestContext.Current.CancellationToken);
                if (File.GetLastWriteTimeUtc(checkpoint) is var time && time != last)
                    (last, written) = (time, written + 1);
            }

            await Task.Delay(random.Next(100), TestContext.Current.CancellationToken);
            Assert.False(process.HasExited, "the run ended too early");
            process.Kill();
            process.WaitForExit();
            kills++;
            arguments = [.. resume, "--checkpoint-every", "3", "--epochs", "400"];
        }

        // The number of epochs so far is chance. Train both runs to the same epoch.
        using var final = MnistCnn.Runs.Checkpoint.Read(folder["killed/checkpoint.safetensors"]);
        Assert.True(final.Progress.History.Count >= 2, "the kills left no time for two epochs");
        var epochs = $"{final.Progress.History.Count + 1}";
        Assert.Equal(0, Run([.. resume, "--epochs", epochs]).ExitCode);
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "undisturbed", "--epochs", epochs]).ExitCode);
        AssertSame("undisturbed", "killed");
        Assert.Equal(
            File.ReadLines(folder["whole/metrics.jsonl"]).Take(2).Select(WithoutTimes),
            File.ReadLines(folder["more/metrics.jsonl"]).Select(WithoutTimes));
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
    public void Resuming_with_other_settings_or_data_fails_and_names_them()
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
            .Select(line => double.Parse(ValidationAccuracy().Match(line).Groups[1].Value, CultureInfo.InvariantCulture)).ToArray();
        var best = Array.IndexOf(accuracies, accuracies.Max()) + 1;
        Assert.Equal(best + 2, accuracies.Length);
        using var file = MnistCnn.Files.SafetensorsFile.Read(folder["out/best.safetensors"]);
        Assert.Equal($"{best}", file.Metadata["epoch"]);
        Assert.Contains($" % (epoch {best}, chosen by ", run.Output);
        var testAccuracy = double.Parse(file.Metadata["test_accuracy"], CultureInfo.InvariantCulture);
        Assert.Matches($@"Best accuracy +{Regex.Escape($"{testAccuracy:F2}")} %", run.Output);
    }

    [Fact]
    public void Init_starts_from_weights_of_the_same_network_only()
    {
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "first", "--epochs", "2"]).ExitCode);
        string[] init = ["--init", "first/model.safetensors"];
        Assert.Equal(0, Run([.. Short, "--data", "data", "--out", "second", "--epochs", "1", .. init]).ExitCode);
        Assert.True(FirstLoss("second") < FirstLoss("first"));
        string[] residual = ["--arch", "residual", "--data", "data", "--init"];
        Run([.. residual, "first/model.safetensors"]).AssertFailed(1, "weights of plain, not of residual.", "--arch plain");
        Run([.. residual, Fixture.PathOf("inception.safetensors")])
            .AssertFailed(1, "weights of inception, not of residual.", "--arch inception");

        double FirstLoss(string run) =>
            JsonDocument.Parse(File.ReadLines(folder[$"{run}/metrics.jsonl"]).First()).RootElement.GetProperty("train_loss").GetDouble();
    }

    // The tensors have the names and shapes of residual's. Only the metadata differ.
    [Fact]
    public void Init_fails_with_weights_of_the_same_shapes_from_another_network()
    {
        string[] printed = ["--arch", "residual-as-printed", "--data", "data", "--epochs", "1"];
        Assert.Equal(0, Run([.. printed, "--out", "first", "--tensorboard"]).ExitCode);
        string[] init = ["--init", "first/model.safetensors"];
        Run(["--data", "data", .. init]).AssertFailed(1, "weights of residual-as-printed, not of residual.", "--arch residual-as-printed");
        Assert.False(Directory.Exists(folder["runs"]));
        Assert.Equal(0, Run([.. printed, "--out", "second", .. init]).ExitCode);

        // PyTorch's files have no metadata.
        init = ["--init", Fixture.PathOf("residual.safetensors")];
        Assert.Equal(0, Run([.. printed, "--out", "third", .. init]).ExitCode);
        Assert.Equal(0, Run(["--arch", "residual", "--data", "data", "--epochs", "1", "--out", "fourth", .. init]).ExitCode);
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
