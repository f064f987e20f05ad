using System.Text.Json;

namespace MnistCnn.Tests.Commands;

/// <summary>The command <c>experiment</c>: settings, messages, signals and resumed measurements.</summary>
[Trait("Speed", "Slow")]
public sealed class ExperimentCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Options_set_the_settings_and_the_record_keeps_them()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 30);
        var small = "experiment Convergence --data data --epochs 2 --seeds 1 --train-limit 20 --recipe fast --deep --out out".Split(' ');
        var run = Run([.. small, "--json"]);
        Assert.Equal(0, run.ExitCode);
        var result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(6, result.GetProperty("rows").GetArrayLength());
        Assert.Equal(result.GetProperty("headings").GetArrayLength(), result.GetProperty("rows")[5].GetArrayLength());
        var verdicts = result.GetProperty("verdicts");
        Assert.Equal(
            ["Residual and Residual's plain twin", "ResNet-18 and Plain-18", "ResNet-34 and Plain-34"],
            verdicts.EnumerateArray().Select(verdict => verdict.GetProperty("subject").GetString()));
        Assert.Equal("inconclusive", verdicts[0].GetProperty("outcome").GetString());
        Assert.Equal(2, verdicts[0].GetProperty("effects").GetArrayLength());
        foreach (var file in result.GetProperty("files").EnumerateArray())
            Assert.True(File.Exists(file.GetString()), file.GetString());

        var info = JsonDocument.Parse(File.ReadAllText(folder["out/experiment.json"])).RootElement;
        Assert.Equal("finished", info.GetProperty("status").GetString());
        Assert.Equal(verdicts.GetRawText(), info.GetProperty("verdicts").GetRawText());
        Assert.Equal(20, info.GetProperty("data").GetProperty("train_images").GetInt32());
        var settings = info.GetProperty("settings");
        Assert.Equal("fast", settings.GetProperty("recipe").GetString());
        Assert.Equal((2, 1), (settings.GetProperty("epochs").GetInt32(), settings.GetProperty("seeds").GetInt32()));
        Assert.Equal(12, Rows().Length);

        var csv = File.ReadAllText(folder["out/measurements.csv"]);
        Run(small).AssertFailed(1, folder["out"], "--out");
        Assert.Equal(csv, File.ReadAllText(folder["out/measurements.csv"]));
    }

    [Fact]
    public void An_invalid_command_line_is_an_error_of_one_line()
    {
        Run("experiment", "wings").AssertFailed(2, "'wings'",
            "blocks, gradients, normalization, convergence, bottleneck, views, ablation, listing, degradation, all");
        Run("experiment").AssertFailed(2);
        Run("experiment", "views", "--deep").AssertFailed(2, "--deep");
        Run("--arch", "residual", "experiment", "views").AssertFailed(2, "--arch");
        Run("experiment", "ablation", "--seeds", "2").AssertFailed(2, "ablation takes no --seeds");
        Run("experiment", "views", "--seeds", "0").AssertFailed(2, "--seeds");
        Run("experiment", "views", "--recipe", "cake").AssertFailed(2, "cake");
        Run("experiment", "bottleneck", "--jobs", "2").AssertFailed(2, "bottleneck", "--jobs", "measures time");
        Run("experiment", "views", "--data", "nowhere").AssertFailed(1, folder["nowhere"]);
        Assert.Empty(folder.Contents);
    }

    [Fact]
    public void A_folder_with_other_files_stays_unchanged()
    {
        Directory.CreateDirectory(folder["out/direct-seed-1"]);
        File.WriteAllText(folder["out/direct-seed-1/thesis.txt"], "mine");
        Run("experiment", "bottleneck", "--quick", "--out", "out").AssertFailed(1, folder["out"], "not empty", "--out");
        Assert.Equal(["out", "out/direct-seed-1", "out/direct-seed-1/thesis.txt"], folder.Contents);
    }

    [Fact]
    public async Task A_signal_keeps_the_measurements()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no signals to send on Windows");
        string[] arguments = ["convergence", "--train-limit", "64", "--test-limit", "10", "--epochs", "40", "--seeds", "9", "--out", "out"];
        using var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, "experiment", .. arguments]);
        while (!File.Exists(folder["out/plot.png"]))
        {
            Assert.False(process.HasExited);
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        using (var kill = System.Diagnostics.Process.Start("kill", ["-TERM", $"{process.Id}"]))
            kill.WaitForExit();
        var run = ProgramRun.Finish(process);
        Assert.Equal(130, run.ExitCode);
        Assert.Contains("Residual  ", run.Output);
        Assert.Contains("Stopped", run.Error);
        Assert.Equal(40, Rows().Count(row => row["network"] == "Residual" && row["seed"] == "1"));
        var info = JsonDocument.Parse(File.ReadAllText(folder["out/experiment.json"])).RootElement;
        Assert.Equal("stopped", info.GetProperty("status").GetString());
        Assert.DoesNotContain(folder.Contents, name => name.Contains("tmp", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_killed_experiment_resumes_and_ends_with_the_same_measurements()
    {
        var arguments = "experiment convergence --train-limit 64 --test-limit 20 --epochs 4 --seeds 1 --threads 1".Split(' ');
        Assert.Equal(0, Run([.. arguments, "--out", "whole"]).ExitCode);
        foreach (var (checkpoint, epochs) in new[] { ("residual-s-plain-twin-seed-1", 3), ("plain-18-seed-1", 1) })
        {
            using var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. arguments, "--out", "out"]);
            var metrics = folder[$"out/{checkpoint}/metrics.jsonl"];
            while (!File.Exists(metrics) || File.ReadAllLines(metrics).Length < epochs)
            {
                Assert.False(process.HasExited, "it ended before it could be killed");
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }

            Assert.False(process.HasExited, "it ended before it could be killed");
            process.Kill();
            process.WaitForExit();
        }

        // Rows that are not a trial's are refused, and not written on.
        var trials = File.ReadAllText(folder["out/trials.jsonl"]);
        string[] allDamaged =
        [
            """{"name":"Residual, seed 1","rows":[]}""",
            """{"name":"Residual, seed 1","rows":[{"seed":1}]}""",
            """{"name":"x","rows":[1]}""",
        ];
        foreach (var damaged in allDamaged)
        {
            File.WriteAllText(folder["out/trials.jsonl"], damaged + "\n");
            Run([.. arguments, "--out", "out"]).AssertFailed(1, "trials.jsonl");
        }

        File.WriteAllText(folder["out/trials.jsonl"], trials);

        // What a killed process was writing is cleared.
        File.WriteAllText(folder["out/plot.png.123.tmp"], "half");

        // Neither train nor other settings can continue it.
        Run("train", "--resume", "out/plain-18-seed-1/checkpoint.safetensors").AssertFailed(1, "belongs to an experiment", "--out");
        Run([.. arguments, "--epochs", "9", "--out", "out"]).AssertFailed(2);
        Run("experiment", "convergence", "--quick", "--out", "out").AssertFailed(1, "holds another experiment", "epochs was 4, now 2");

        var rest = Run([.. arguments, "--out", "out"]);
        Assert.Equal(0, rest.ExitCode);
        Assert.StartsWith("[4/4] Plain-18, seed 1: ", Assert.Single(rest.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal(File.ReadAllText(folder["whole/measurements.csv"]), File.ReadAllText(folder["out/measurements.csv"]));

        Assert.DoesNotContain("out/plot.png.123.tmp", folder.Contents);

        // What is left of a training is a run to compare, and no more than that.
        Assert.All(
            Directory.GetDirectories(folder["out"]),
            run => Assert.Equal(
                ["best.safetensors", "metrics.jsonl", "run.json"],
                Directory.GetFileSystemEntries(run).Select(Path.GetFileName).Order(StringComparer.Ordinal)));
        var table = Run("compare", "out/residual-seed-1", "out/plain-18-seed-1").Output;
        Assert.Contains("residual-twin", Run("compare", "out/residual-s-plain-twin-seed-1", "--json").Output);
        Assert.Contains("plain-18-seed-1", table);
        Run([.. arguments, "--out", "out"]).AssertFailed(1, "holds an experiment already");
    }

    [Fact]
    public async Task Several_jobs_at_once_measure_the_same_rows_and_continue_after_a_kill()
    {
        var arguments = "experiment convergence --train-limit 64 --test-limit 20 --epochs 4 --seeds 1 --threads 1".Split(' ');
        Assert.Equal(0, Run([.. arguments, "--out", "whole"]).ExitCode);
        arguments = [.. arguments, "--jobs", "2", "--out", "out"];
        using (var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. arguments]))
        {
            while (!File.Exists(folder["out/resnet-18-seed-1/metrics.jsonl"]))
            {
                Assert.False(process.HasExited, "it ended before it could be killed");
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }

            process.Kill();
            process.WaitForExit();
        }

        // Workers end without the process that started them, and release their folders.
        var rest = RunJobs();
        for (var tries = 0; rest.Error.Contains("is in use", StringComparison.Ordinal) && tries < 20; tries++)
            rest = RunJobs();
        Assert.Equal((0, ""), (rest.ExitCode, string.Concat(rest.Error.Split('\n').Where(line => !line.StartsWith('[')))));
        Assert.Contains("Plain-18, seed 1: ", rest.Error);
        Assert.Equal(File.ReadAllText(folder["whole/measurements.csv"]), File.ReadAllText(folder["out/measurements.csv"]));
        Assert.Equal(File.ReadAllBytes(folder["whole/plot.png"]), File.ReadAllBytes(folder["out/plot.png"]));
        Assert.All(
            Directory.GetDirectories(folder["out"]),
            run => Assert.Equal(
                ["best.safetensors", "metrics.jsonl", "run.json"],
                Directory.GetFileSystemEntries(run).Select(Path.GetFileName).Order(StringComparer.Ordinal)));

        ProgramRun RunJobs() => ProgramRun.OfProcess(folder.FullPath, arguments);
    }

    [Fact]
    public void A_worker_reports_an_error_in_one_line_and_draws_the_images_of_its_trial()
    {
        var arguments = "experiment views --quick --seeds 1 --epochs 1 --test-limit 20 --threads 1 --jobs 2".Split(' ');
        var run = ProgramRun.OfProcess(folder.FullPath, [.. arguments, "--train-limit", "32", "--out", "out"]);
        Assert.Equal(0, run.ExitCode);
        Assert.True(File.Exists(folder["out/maps.png"]));

        string[] convergence = [.. arguments.Select(argument => argument == "views" ? "convergence" : argument)];
        var failed = ProgramRun.OfProcess(folder.FullPath, [.. convergence, "--train-limit", "65", "--out", "failed"]);
        Assert.Equal(1, failed.ExitCode);
        Assert.StartsWith("error: The last batch of an epoch would have one image", failed.Error.Split('\n')[^2]);
    }

    private Dictionary<string, string>[] Rows()
    {
        var lines = File.ReadAllLines(folder["out/measurements.csv"]);
        var names = lines[0].Split(',');
        return [.. lines.Skip(1).Select(line => names.Zip(line.Split(',')).ToDictionary(pair => pair.First, pair => pair.Second))];
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);
}
