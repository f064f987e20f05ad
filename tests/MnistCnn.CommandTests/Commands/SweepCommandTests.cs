using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using MnistCnn.Commands;
using MnistCnn.Files;
using SkiaSharp;

namespace MnistCnn.Tests.Commands;

/// <summary>The command <c>sweep</c>: parallel, sharded, stopped and resumed sweeps give the same results.</summary>
[Trait("Speed", "Slow")]
public sealed class SweepCommandTests : IDisposable
{
    private static readonly string[] Names = ["lr=0.01,seed=1", "lr=0.01,seed=2", "lr=0.1,seed=1", "lr=0.1,seed=2"];

    private readonly TemporaryFolder folder = new();

    private readonly string[] small;

    public SweepCommandTests()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 60, test: 30);
        small = ["sweep", "lr=0.01,0.1", "seed=1..2", "--arch", "plain", "--epochs", "3", "--batch-size", "10", "--data", "data"];
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Each_trial_equals_the_run_of_train_and_the_results_list_all_trials()
    {
        // With two threads, with replicas too.
        var threads = $"{Math.Min(2, Environment.ProcessorCount)}";
        var run = Sweep("--threads", threads);
        Assert.Equal((0, 4), (run.ExitCode, run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length));
        Assert.Equal(["plot.png", "results.csv", "sweep.json"], FilesIn("out"));
        Assert.Equal(Names, Directory.GetDirectories(folder["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(Names, name => Assert.Equal(["best.safetensors", "metrics.jsonl", "run.json"], FilesIn($"out/{name}")));

        var train = "train --arch plain --lr 0.1 --seed 2 --epochs 3 --batch-size 10 --data data --out alone --threads".Split(' ');
        Assert.Equal(0, Run([.. train, threads]).ExitCode);
        Assert.Equal(File.ReadAllBytes(folder["alone/best.safetensors"]), File.ReadAllBytes(folder[$"out/{Names[3]}/best.safetensors"]));

        var rows = File.ReadAllLines(folder["out/results.csv"]);
        Assert.Equal(
            "lr,seed,status,error,parameters,epochs_done,epoch,train_loss,test_loss,test_accuracy,validation_accuracy,seconds", rows[0]);
        Assert.Equal(
            ["0.01,1,finished,,8490,3,3", "0.01,2,finished,,8490,3,3", "0.1,1,finished,,8490,3,3", "0.1,2,finished,,8490,3,3"],
            rows[1..].Select(row => string.Join(',', row.Split(',')[..7])));
        var last = JsonDocument.Parse(File.ReadAllLines(folder["alone/metrics.jsonl"])[2]).RootElement;
        Assert.Equal(last.GetProperty("test_accuracy").GetRawText(), rows[4].Split(',')[9]);
        using var plot = SKBitmap.Decode(folder["out/plot.png"]);
        Assert.True(plot.Width >= 800);
        var lines = run.Output.Split('\n').Where(line => !line.Contains(folder.FullPath, StringComparison.Ordinal));
        Assert.All(lines, line => Assert.InRange(line.TrimEnd().Length, 0, 80));

        // There is nothing left to do.
        var again = Sweep("--json");
        Assert.Equal((0, ""), (again.ExitCode, again.Error));
        var document = JsonDocument.Parse(again.Output).RootElement;
        var grid = document.GetProperty("grid").EnumerateArray();
        Assert.Equal(["lr", "seed"], grid.Select(parameter => parameter.GetProperty("name").GetString()));
        Assert.Equal((4, 3), (document.GetProperty("results").GetArrayLength(), document.GetProperty("files").GetArrayLength()));
    }

    [Fact]
    public void Jobs_and_shards_give_the_results_of_a_sequential_sweep()
    {
        Assert.Equal(0, Sweep("--threads", "1").ExitCode);
        var (results, plot, info) = (Results("out"), File.ReadAllBytes(folder["out/plot.png"]), File.ReadAllText(folder["out/sweep.json"]));

        Assert.Equal(0, Run([.. small, "--jobs", "2", "--threads", "1", "--out", "jobs"]).ExitCode);
        Assert.Equal((results, info), (Results("jobs"), File.ReadAllText(folder["jobs/sweep.json"])));
        Assert.Equal(plot, File.ReadAllBytes(folder["jobs/plot.png"]));

        string[] parts = [.. small, "--threads", "1", "--out", "parts"];
        Run("sweep", "--merge", "parts").AssertFailed(1, folder["parts"], "does not exist");
        Assert.Equal(0, Run([.. parts, "--shard", "2/3"]).ExitCode);
        Assert.Equal([Names[1]], Directory.GetDirectories(folder["parts"]).Select(Path.GetFileName));
        Assert.False(File.Exists(folder["parts/results.csv"]));
        Assert.Equal(0, Run([.. parts, "--shard", "1/3", "--jobs", "2"]).ExitCode);
        var early = Run("sweep", "--merge", "parts");
        Assert.Equal(1, early.ExitCode);
        Assert.Contains($"1 of 4 trainings are not done, the first of them {Names[2]}", early.Error);
        Assert.Equal(0, Run([.. parts, "--shard", "3/3"]).ExitCode);
        Assert.Equal(0, Run("sweep", "--merge", "parts").ExitCode);
        Assert.Equal((results, info), (Results("parts"), File.ReadAllText(folder["parts/sweep.json"])));
        Assert.Equal(plot, File.ReadAllBytes(folder["parts/plot.png"]));
    }

    [Fact]
    public void Workers_get_every_option_of_the_data_set()
    {
        const string Options = "--data pictures --image-size 12x10 --fit crop --grey --test-share 0.3 --skip-broken";
        var line = SweepCommand.Create().Parse($"seed=1..2 --jobs 2 {Options}");
        Assert.Empty(line.Errors);
        Assert.All(DataOptions.All, option => Assert.Contains(option.Name, Options));
        var worker = SweepCommand.WorkerArguments(line);
        Assert.Contains(Options, string.Join(' ', worker));
        Assert.Empty(SweepCommand.Create().Parse(worker[1..]).Errors);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public async Task A_killed_sweep_leaves_no_workers_and_resumes_with_the_same_results(string jobs)
    {
        string[] arguments = [.. small, "--epochs", "30", "--threads", "1", "--jobs", jobs];
        arguments = [.. arguments.Where((_, index) => index is not (5 or 6))]; // once --epochs
        Assert.Equal(0, Run([.. arguments, "--out", "whole"]).ExitCode);
        using (var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. arguments, "--out", "out"]))
        {
            await Until(process, () => EpochsIn($"out/{Names[2]}") > 2);
            process.Kill();
            process.WaitForExit();
        }

        // Those that it had started end when it is gone: their folders are free again.
        var rest = Run([.. arguments, "--out", "out"]);
        for (var tries = 0; rest.Error.Contains("is in use", StringComparison.Ordinal) && tries < 20; tries++)
            rest = Run([.. arguments, "--out", "out"]);
        Assert.Equal(0, rest.ExitCode);
        Assert.DoesNotContain($"{Names[0]}:", rest.Error); // it was done
        Assert.Equal(Results("whole"), Results("out"));
        foreach (var weights in Names.Select(name => $"{name}/best.safetensors"))
            Assert.Equal(File.ReadAllBytes(folder[$"whole/{weights}"]), File.ReadAllBytes(folder[$"out/{weights}"]));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public async Task A_signal_stops_a_sweep_with_a_checkpoint(string jobs)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no signals to send on Windows");
        var arguments = $"sweep seed=1..2 --arch plain --epochs 2000 --data data --threads 1 --jobs {jobs} --out out".Split(' ');
        using var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. arguments]);
        await Until(process, () => EpochsIn("out/seed=1") > 1);
        using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]))
            kill.WaitForExit();
        var run = ProgramRun.Finish(process);
        Assert.Equal((130, ""), (run.ExitCode, run.Output));
        Assert.Contains($"To continue, start it again with --out {folder["out"]}", run.Error);
        Assert.Equal("stopped", Status("seed=1"));
        Assert.True(File.Exists(folder["out/seed=1/checkpoint.safetensors"]));
    }

    // A diverged training is a result; where all diverge, the sweep failed.
    [Fact]
    public void A_trial_that_diverges_does_not_stop_the_others()
    {
        string[] arguments = ["sweep", "lr=1e30,0.01", "--arch", "plain", "--epochs", "2", "--data", "data"];
        foreach (var jobs in new[] { "1", "2" })
        {
            var run = Run([.. arguments, "--jobs", jobs, "--out", $"out{jobs}"]);
            Assert.Equal(0, run.ExitCode);
            Assert.Contains("lr=1e30 diverged: The loss became", run.Error);
            Assert.Matches(@"1e30\s+0 of 1", run.Output);
            var rows = Results($"out{jobs}").Split('\n');
            Assert.StartsWith("1e30,diverged,The loss became ", rows[1]);
            Assert.StartsWith("0.01,finished,,8490,2,2,", rows[2]);

            // It is over: nothing is left to go on from, and nothing is trained again.
            Assert.Equal(["metrics.jsonl", "run.json"], FilesIn($"out{jobs}/lr=1e30"));
            Assert.DoesNotContain("[", Run([.. arguments, "--out", $"out{jobs}"]).Error);
        }

        var hopeless = Run("sweep", "lr=1e30", "--arch", "plain", "--epochs", "1", "--data", "data", "--out", "hopeless");
        Assert.Equal(1, hopeless.ExitCode);
        Assert.Contains("All trainings diverged", hopeless.Error);
    }

    // The last batch has one image, which batch normalization does not support.
    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public void An_error_of_a_trial_names_the_option_that_helps(string jobs) =>
        Run($"sweep seed=1..2 --arch resnet20 --train-limit 5 --batch-size 4 --data data --jobs {jobs} --out out".Split(' '))
            .AssertFailed(1, "needs two", "Change the batch size with --batch-size or the number of images with --train-limit.");

    // What made it fail may pass, so it is no result: the others wait for it.
    [Fact]
    public void A_trial_that_fails_is_not_done_and_resumes_after_the_fault_is_fixed()
    {
        Assert.Equal(0, Run([.. small, "--out", "whole", "--threads", "1"]).ExitCode);
        string[] part = [.. small, "--out", "out", "--threads", "1", "--shard", "1/2"];
        Directory.CreateDirectory(folder[$"out/{Names[2]}/best.safetensors/in-the-way"]);
        File.Copy(folder["whole/sweep.json"], folder["out/sweep.json"]);
        var failed = Run(part);
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("best.safetensors", failed.Error);
        Assert.Equal("failed", Status(Names[2]));
        Assert.Equal(0, Run([.. part[..^1], "2/2"]).ExitCode);
        var early = Run("sweep", "--merge", "out");
        Assert.Equal(1, early.ExitCode);
        Assert.Contains($"1 of 4 trainings are not done, the first of them {Names[2]}", early.Error);

        Directory.Delete(folder[$"out/{Names[2]}/best.safetensors"], recursive: true);
        Assert.Equal(0, Run(part).ExitCode);
        Assert.Equal(0, Run("sweep", "--merge", "out").ExitCode);
        Assert.Equal(Results("whole"), Results("out"));
    }

    [Theory]
    [InlineData("batch-size=10,59 --arch resnet18", "batch-size=59 cannot be trained", "batch normalization")]
    [InlineData("arch=plain,residual --validation 60", "arch=plain cannot be trained", "held out")]
    [InlineData("arch=plain,residual --init no.safetensors", "no.safetensors")]
    public void A_trial_that_cannot_be_trained_is_an_error_before_the_first_training(string arguments, params string[] parts)
    {
        Run(["sweep", .. arguments.Split(' '), "--data", "data", "--out", "out"]).AssertFailed(1, parts);
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public void Plus_signs_separate_the_parts_of_one_value()
    {
        const string Grid = "augment=shift=1+rotate=5,crop=1 lr-milestones=2+4,3 epochs=1,2";
        var run = Run(["sweep", .. Grid.Split(' '), .. "--arch plain --batch-size 20 --data data --out out".Split(' ')]);
        Assert.Equal(0, run.ExitCode);
        var settings = Setting("augment=shift=1+rotate=5,lr-milestones=2+4,epochs=2");
        Assert.Equal("shift=1,rotate=5", settings.GetProperty("augment").GetString());
        Assert.Equal([2, 4], settings.GetProperty("learning_rate_milestones").EnumerateArray().Select(step => step.GetInt32()));
        var rows = File.ReadAllLines(folder["out/results.csv"]);
        Assert.StartsWith("augment,lr_milestones,epochs,status,error,parameters,epochs_done,epoch,", rows[0]);
        Assert.StartsWith("shift=1+rotate=5,2+4,1,finished,,8490,1,1,", rows[1]);
        Assert.Equal(1 + 8, rows.Length);
    }

    [Fact]
    public void Network_images_and_any_other_setting_can_vary()
    {
        const string Arguments = "train-limit=20,40,60 recipe=article,fast --arch plain --epochs 1 --validation 10 --data data --out out";
        var run = Run(["sweep", .. Arguments.Split(' ')]);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Validation (%)", run.Output);
        var settings = Setting("train-limit=40,recipe=fast");
        Assert.Equal((40, "one-cycle"), (settings.GetProperty("train_limit").GetInt32(), settings.GetProperty("schedule").GetString()));
        Assert.Equal("plain", Setting("train-limit=20,recipe=article").GetProperty("architecture").GetString());
    }

    [Theory]
    [InlineData("", "needs something that varies")]
    [InlineData("wings=2", "no setting 'wings'", "arch, recipe, epochs")]
    [InlineData("out=a,b", "no setting 'out'")]
    [InlineData("lr=0.1,-1", "--lr", "'-1'")]
    [InlineData("arch=plain,fly", "'fly'")]
    [InlineData("seed=1 seed=2", "seed is given twice")]
    [InlineData("seed=1 --seed 2", "seed is given twice")]
    [InlineData("seed=1..1000 lr=0.1,0.2 epochs=1..1000", "2,000,000")]
    [InlineData("seed=1 --out x --shard 1", "--shard", "'1'")]
    [InlineData("seed=1 --shard 1/2", "--shard needs --out")]
    [InlineData("seed=1 --merge out", "--merge")]
    [InlineData("--merge out --epochs 3", "--merge")]
    [InlineData("--merge out --jobs 2", "--merge")]
    [InlineData("lr-milestones=5+4", "--lr-milestones")]
    [InlineData("augment=shift=1+wings=2", "--augment", "wings")]
    [InlineData("seed=1 --jobs 0", "--jobs")]
    [InlineData("seed=1,01 --epochs 1 --train-limit 8 --test-limit 8", "seed=1,01 names one value 2 times")]
    [InlineData("seed=1,4294967297 --epochs 1 --train-limit 8 --test-limit 8", "seed=1,4294967297 names one value 2 times")]
    [InlineData("seed=1..2 lr=0.1,1e-1,0.10 --epochs 1 --train-limit 8 --test-limit 8", "lr=0.1,1e-1,0.10 names one value 3 times")]
    [InlineData("augment=crop=1+flip,flip,flip+crop=1 --epochs 1 --train-limit 8", "crop=1+flip,flip+crop=1 names one value 2")]
    public void An_invalid_command_line_is_an_error(string arguments, params string[] parts)
    {
        Run(["sweep", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]).AssertFailed(2, parts);
        Assert.Equal(["data"], folder.Contents.Where(name => !name.Contains('/')));
    }

    [Fact]
    public void Early_stopping_needs_validation_images()
    {
        Run("sweep", "patience=1,2", "--data", "data")
            .AssertFailed(1, "patience=1 cannot be trained", "Early stopping needs validation images", "--validation");
        Assert.Equal(["data"], folder.Contents.Where(name => !name.Contains('/')));
    }

    [Theory]
    [InlineData("0/2")]
    [InlineData("3/2")]
    [InlineData("1/0")]
    public void A_shard_outside_the_number_of_shards_is_an_error(string part)
    {
        Run([.. small, "--out", "out", "--shard", part]).AssertFailed(1, $"no part {part}");
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public void A_folder_with_other_results_stays_unchanged()
    {
        Assert.Equal(0, Run([.. small, "--shard", "1/4", "--out", "out"]).ExitCode);
        var before = Contents("out");
        Run("sweep", "seed=1..2", "--data", "data", "--out", "out").AssertFailed(1, "holds another sweep", "lr=0.01,0.1 seed=1,2", "--out");
        Run([.. small, "--momentum", "0.9", "--out", "out"]).AssertFailed(1, "holds another sweep", "--momentum 0.9");
        SmallMnist.Write(folder["data"], train: 60, test: 30, seed: 2);
        Run([.. small, "--out", "out"]).AssertFailed(1, "holds another sweep", "train-images-idx3-ubyte was");
        SmallMnist.Write(folder["data"], train: 60, test: 30);
        Run([.. small, "--out", "data"]).AssertFailed(1, folder["data"], "holds no sweep");
        Assert.Equal(before, Contents("out"));

        // Another run where a trial's is to be, and files that are damaged.
        var (info, sweep) = (File.ReadAllText(folder[$"out/{Names[0]}/run.json"]), File.ReadAllText(folder["out/sweep.json"]));
        foreach (var (damaged, part) in new[]
        {
            (info.Replace("\"seed\": 1", "\"seed\": 5"), "holds another run: seed was 5, now 1"),
            (info.Replace("\"device\": \"cpu\"", "\"device\": \"cuda:0\""), "holds another run: device was \"cuda\", now \"cpu\""),
            (Regex.Replace(info, "[0-9a-f]{64}", new string('0', 64)), "holds another run: t10k-images-idx3-ubyte was \"0000"),
            (info[..50], "run.json is damaged"),
        })
        {
            File.WriteAllText(folder[$"out/{Names[0]}/run.json"], damaged);
            Run([.. small, "--out", "out"]).AssertFailed(1, Names[0], part);
            Run("sweep", "--merge", "out").AssertFailed(1, Names[0], part);
        }

        File.WriteAllText(folder[$"out/{Names[0]}/run.json"], info);
        File.WriteAllText(folder["out/sweep.json"], sweep.Replace("\"device\": \"cpu\"", "\"device\": \"mps\""));
        Run([.. small, "--out", "out"]).AssertFailed(1, "holds another sweep: device was \"mps\", now \"cpu\"");

        (string, string)[] changes = [("\"lr\"", "\"wings\""), ("\"0.1\"", "\"cake\""), ("\"lr\"", "\"../lr\"")];
        foreach (var damaged in changes.Select(change => sweep.Replace(change.Item1, change.Item2)).Concat(["", "{}", sweep[..100]]))
        {
            File.WriteAllText(folder["out/sweep.json"], damaged);
            Run("sweep", "--merge", "out").AssertFailed(1, "sweep.json");
        }
    }

    [Fact]
    public void Other_initial_weights_make_another_sweep()
    {
        string[] start = ["train", "--arch", "plain", "--data", "data", "--epochs", "1"];
        Assert.Equal(0, Run([.. start, "--out", "first"]).ExitCode);
        Assert.Equal(0, Run([.. start, "--seed", "2", "--out", "second"]).ExitCode);
        string[] part = ["sweep", "seed=1,2", .. start[1..], "--init", "init.safetensors", "--out", "out", "--shard"];
        File.Copy(folder["first/model.safetensors"], folder["init.safetensors"]);
        Assert.Equal(0, Run([.. part, "1/2"]).ExitCode);
        File.Copy(folder["second/model.safetensors"], folder["init.safetensors"], overwrite: true);
        Run([.. part, "2/2"]).AssertFailed(1, "holds another sweep: init was");
    }

    [Fact]
    public async Task A_shard_that_is_already_running_is_an_error()
    {
        var arguments = "sweep seed=1..2 --arch plain --epochs 500 --data data --threads 1 --shard 1/2 --out out".Split(' ');
        using var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. arguments]);
        await Until(process, () => File.Exists(folder["out/seed=1/metrics.jsonl"]));
        Assert.Throws<IOException>(() => FolderLock.Acquire(folder["out/seed=1"])); // first, since without a lock the training would last
        Run(arguments).AssertFailed(1, folder["out/seed=1"], "in use");
        Assert.False(process.HasExited);
        process.Kill();
        process.WaitForExit();
    }

    private ProgramRun Sweep(params string[] more) => Run([.. small, "--out", "out", .. more]);

    // Workers are started as the program that started them, which must then be the built one and not the tests.
    private ProgramRun Run(params string[] arguments) => arguments.Contains("--jobs")
        ? ProgramRun.OfProcess(folder.FullPath, arguments)
        : ProgramRun.Of(folder.FullPath, arguments);

    // Without the last column, times.
    private string Results(string name) =>
        string.Join('\n', File.ReadAllLines(folder[$"{name}/results.csv"]).Select(line => line[..line.LastIndexOf(',')]));

    private Dictionary<string, string> Contents(string name) => Directory.GetFiles(folder[name], "*", SearchOption.AllDirectories)
        .ToDictionary(file => file, file => Convert.ToHexString(File.ReadAllBytes(file)));

    private IEnumerable<string?> FilesIn(string name) =>
        Directory.GetFiles(folder[name]).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    private int EpochsIn(string run) =>
        File.Exists(folder[$"{run}/metrics.jsonl"]) ? File.ReadAllLines(folder[$"{run}/metrics.jsonl"]).Length : 0;

    private JsonElement Setting(string trial) => Record(trial).GetProperty("settings");

    private string? Status(string trial) => Record(trial).GetProperty("status").GetString();

    private JsonElement Record(string trial) => JsonDocument.Parse(File.ReadAllText(folder[$"out/{trial}/run.json"])).RootElement;

    private static async Task Until(Process process, Func<bool> condition)
    {
        while (!condition())
        {
            Assert.False(process.HasExited, "it ended before that");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
