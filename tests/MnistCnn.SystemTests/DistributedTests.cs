using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using MnistCnn.Files;
using MnistCnn.Runs;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>Training in several processes that MPICH starts.</summary>
[Trait("Kind", "Waiting")]
public sealed class DistributedTests : IDisposable
{
    private const string Steps = "--arch residual --train-limit 64 --test-limit 500 --epochs 20"; // one step per epoch
    private const string Epochs = "--arch residual --train-limit 1920 --test-limit 500 --epochs 16";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(2, " --replicas 2")]
    public void Twenty_steps_in_several_processes_equal_those_of_one(int processes, string replicas = "")
    {
        Require(Train(1, Steps, "one"));
        Require(Train(processes, Steps + replicas, "several"));
        var (one, several) = (Metrics("one"), Metrics("several"));
        Assert.Equal(20, one.Length);
        foreach (var (expected, actual) in one.Zip(several))
        {
            Assert.Equal(Number(expected, "train_loss"), Number(actual, "train_loss"), 1e-5);
            Assert.Equal(Number(expected, "test_loss"), Number(actual, "test_loss"), 1e-5);
            Assert.Equal(Number(expected, "train_accuracy"), Number(actual, "train_accuracy"));
            Assert.Equal(Number(expected, "test_accuracy"), Number(actual, "test_accuracy"), 0.21); // one image of 500
        }

        Assert.NotEqual(File.ReadAllBytes(folder["one/model.safetensors"]), File.ReadAllBytes(folder["several/model.safetensors"]));
        Assert.Equal(processes, Info("several").GetProperty("processes").GetInt32());
        Assert.InRange(Info("several").GetProperty("seconds_waited").GetDouble(), 1e-6, 60);
        Assert.False(Info("one").TryGetProperty("processes", out _));
    }

    [Fact]
    public void Class_weights_apply_across_shards()
    {
        const string Uneven = "--arch plain --train-limit 45 --batch-size 45 --test-limit 50 --epochs 4 "
            + "--class-weights balanced --label-smoothing 0.1";
        Require(Train(1, Uneven, "one"));
        Require(Train(2, Uneven, "two"));
        foreach (var (expected, actual) in Metrics("one").Zip(Metrics("two")))
            Assert.Equal(Number(expected, "train_loss"), Number(actual, "train_loss"), 1e-5);
    }

    [Fact]
    public void Only_rank_0_prints_and_writes_files()
    {
        var one = Train(1, Steps, "one");
        var two = Train(2, Steps, "two");
        Require(two);
        Assert.Equal((20, 20), (Lines(one.Output, "Epoch"), Lines(two.Output, "Epoch")));
        Assert.Equal(one.Output.Split('\n').Length, two.Output.Split('\n').Length);
        Assert.Contains("20 of 20 epochs on cpu in 2 processes", two.Output);
        Assert.Equal(Files("one"), Files("two"));

        int Lines(string text, string start) => text.Split('\n').Count(line => line.StartsWith(start, StringComparison.Ordinal));
        string[] Files(string name) => [.. folder.Contents.Where(path => path.StartsWith($"{name}/")).Select(path => path[name.Length..])];
    }

    [Fact]
    public void The_learning_rate_test_of_several_processes_equals_that_of_one_and_is_printed_once()
    {
        const string Test = "--find-lr --arch residual --train-limit 64 --test-limit 500";
        var (one, two) = (Train(1, Test, "one"), Train(2, Test, "two"));
        Require(two);
        Assert.Equal(one.Output.Replace("/one/", "/two/"), two.Output);
        var (expected, actual) = (Losses("one"), Losses("two"));
        Assert.All(expected.Zip(actual).Take(40), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        Assert.Equal(["two/find-lr.csv", "two/find-lr.png"], folder.Contents.Where(path => path.StartsWith("two/")));

        double[] Losses(string name) =>
            [.. File.ReadLines(folder[$"{name}/find-lr.csv"]).Skip(1).Select(line => double.Parse(line.Split(',')[1]))];
    }

    [Fact]
    public async Task Killing_a_process_ends_all_and_resuming_gives_the_same_bytes()
    {
        Require(Train(2, Epochs, "whole"));
        var random = new Random(18);
        for (var (times, killed) = (0, 0); killed < 10; times++)
        {
            Assert.True(times < 30, $"{killed} processes were killed");
            using var run = Start(2, StartOrResume("run"));
            killed += await Kill(run, random) ? 1 : 0;
        }

        Require(ProgramRun.Finish(Start(2, StartOrResume("run"))));
        Assert.Equal(File.ReadAllBytes(folder["whole/model.safetensors"]), File.ReadAllBytes(folder["run/model.safetensors"]));

        string StartOrResume(string name) => File.Exists(folder[$"{name}/checkpoint.safetensors"])
            ? $"--resume {name}/checkpoint.safetensors --checkpoint-every 7"
            : $"{Epochs} --checkpoint-every 7 --out {name}";
    }

    [Fact]
    public void Resuming_with_another_number_of_processes_differs_only_by_rounding()
    {
        Require(Train(2, With(Steps, "--epochs 8"), "run"));
        Require(ProgramRun.Finish(Start(3, "--resume run/checkpoint.safetensors --epochs 14")));
        const string ResumeAlone = "train --resume run/checkpoint.safetensors --epochs 20 --threads 1";
        Require(ProgramRun.OfShell(folder.FullPath, $"{ProgramRun.Command} {ResumeAlone}"));
        Require(Train(1, Steps, "one"));
        Assert.Equal(20, Metrics("run").Length);
        foreach (var (expected, actual) in Metrics("one").Zip(Metrics("run")))
            Assert.Equal(Number(expected, "train_loss"), Number(actual, "train_loss"), 1e-5);
    }

    [Fact]
    public async Task A_signal_to_one_process_stops_all_after_the_same_step()
    {
        Require(Train(2, Epochs, "whole"));
        using var run = Start(2, $"{Epochs} --out run");
        await Progress(run, 1);
        Signal("INT", Processes(run)[^1]);
        var stopped = ProgramRun.Finish(run);
        Assert.Equal(130, stopped.ExitCode);
        Assert.Contains("Stopped. To resume: train --resume", stopped.Error);
        Require(ProgramRun.Finish(Start(2, "--resume run/checkpoint.safetensors")));
        Assert.Equal(File.ReadAllBytes(folder["whole/model.safetensors"]), File.ReadAllBytes(folder["run/model.safetensors"]));
    }

    // Of 5,001 test images, one process has eleven batches of 250 and the other ten.
    [Fact]
    public async Task A_signal_to_one_process_stops_all_in_the_same_evaluation()
    {
        const string twoSteps = "--arch resnet18 --epochs 1 --train-limit 64 --batch-size 32";
        using var run = Start(2, $"{twoSteps} --test-limit 5001 --log-interval 1 --out run");
        await Progress(run, 1, "[1     2]");
        Signal("TERM", Processes(run)[^1]);
        var stopped = ProgramRun.Finish(run);
        Assert.Equal(130, stopped.ExitCode);
        Assert.Contains("Stopped. To resume: train --resume", stopped.Error);
        using var checkpoint = Checkpoint.Read(folder["run/checkpoint.safetensors"]);
        Assert.Equal((1, 2), (checkpoint.Progress.Epoch, checkpoint.Progress.Step));
    }

    [Fact]
    public async Task Processes_give_up_waiting_for_a_stopped_process()
    {
        using var run = Start(2, $"{With(Epochs, "--epochs 1000")} --out run", timeout: 2);
        await Progress(run, 1);
        var still = Processes(run)[^1];
        Signal("STOP", still);
        Assert.True(run.WaitForExit(TimeSpan.FromSeconds(60)), "they still wait");
        Assert.NotEqual(0, run.ExitCode);
        Assert.Empty(ProgramRun.OfShell("/", $"ps --no-headers -p {still}").Output);
        var errors = await run.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Contains("error: Process 0 of 2 has waited 2 s for the others and gives up", errors);
        Require(ProgramRun.OfShell(folder.FullPath, $"{ProgramRun.Command} evaluate run --test-limit 100"));
    }

    [Fact]
    public void Running_statistics_of_batch_normalization_are_means_over_the_shards()
    {
        const string Step = "--arch resnet20 --train-limit 32 --batch-size 32 --test-limit 50 --epochs 1 --lr 0.001";
        Require(Train(1, Step, "one"));
        Require(Train(2, Step, "two"));
        Require(Train(2, Step, "again"));
        Assert.Equal(File.ReadAllBytes(folder["two/model.safetensors"]), File.ReadAllBytes(folder["again/model.safetensors"]));
        using var one = SafetensorsFile.Read(folder["one/model.safetensors"]);
        using var two = SafetensorsFile.Read(folder["two/model.safetensors"]);

        // The first layer has the same input. The mean of the shards' means is the mean of the batch, which is not true of variances.
        Assert.Equal(Values(one, "bn1.running_mean"), Values(two, "bn1.running_mean"), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.NotEqual(Values(one, "bn1.running_var"), Values(two, "bn1.running_var"));
        Assert.Equal(Values(one, "bn1.running_var"), Values(two, "bn1.running_var"), (a, b) => Math.Abs(a - b) < 0.05 * a);
        Assert.Equal(1, two.Tensors["bn1.num_batches_tracked"].item<long>());
    }

    [Fact]
    public void Frozen_layers_keep_their_running_statistics_to_the_bit()
    {
        const string Part = "--arch resnet20 --train-limit 64 --batch-size 32 --test-limit 50 --epochs 1";
        Require(Train(1, Part, "first"));
        Require(Train(3, $"{Part} --seed 2 --init first/model.safetensors --freeze", "frozen"));
        using var first = SafetensorsFile.Read(folder["first/model.safetensors"]);
        using var frozen = SafetensorsFile.Read(folder["frozen/model.safetensors"]);
        var statistics = first.Tensors.Keys.Where(name => name.Contains("running"));
        Assert.All(statistics, name => Assert.Equal(Values(first, name), Values(frozen, name)));
        Assert.NotEqual(Values(first, "fc.weight"), Values(frozen, "fc.weight"));
    }

    [Fact]
    public async Task A_network_with_dropout_resumes_exactly_in_the_middle_of_an_epoch()
    {
        const string Dropout = "--arch googlenet --train-limit 48 --batch-size 8 --test-limit 8 --epochs 2 --checkpoint-every 4";
        Require(Train(2, Dropout, "whole"));
        using (var run = Start(2, $"{Dropout} --out run"))
        {
            await Progress(run, 1);
            var afterEpoch = File.GetLastWriteTimeUtc(folder["run/checkpoint.safetensors"]);
            while (!run.HasExited && File.GetLastWriteTimeUtc(folder["run/checkpoint.safetensors"]) == afterEpoch)
                await Task.Delay(5, TestContext.Current.CancellationToken);
            run.Kill(entireProcessTree: true);
        }

        Assert.Equal(4, Step("run"));
        Require(ProgramRun.Finish(Start(2, "--resume run/checkpoint.safetensors --checkpoint-every 4")));
        Assert.Equal(File.ReadAllBytes(folder["whole/model.safetensors"]), File.ReadAllBytes(folder["run/model.safetensors"]));

        int Step(string name)
        {
            using var checkpoint = Checkpoint.Read(folder[$"{name}/checkpoint.safetensors"]);
            return checkpoint.Progress.Step;
        }
    }

    [Fact]
    public void Each_process_reads_the_whole_image_folder()
    {
        SmallPictures.Write(folder["pictures"], ["cat", "dog", "owl"], 15);
        File.WriteAllText(folder["pictures/dog/007.png"], "not a picture");
        const string Pictures = "--arch residual --data pictures --image-size 16x16 --skip-broken --epochs 3 --batch-size 8";
        Require(Train(1, Pictures, "one"));
        var two = Train(2, Pictures, "two");
        Require(two);
        Assert.Contains("Warning: images skipped because they cannot be read: 1.", two.Error);
        Assert.Equal(Math.Max(1, Environment.ProcessorCount / 2), Info("two").GetProperty("threads").GetInt32());
        foreach (var (expected, actual) in Metrics("one").Zip(Metrics("two")))
            Assert.Equal(Number(expected, "train_loss"), Number(actual, "train_loss"), 1e-5);
        Assert.Equal(Checksums("one"), Checksums("two"));

        var other = Finish(
            $"-n 1 {ProgramRun.Command} train {Pictures} --out three "
            + $": -n 1 {ProgramRun.Command} train {With(Pictures, "--image-size 16x17")} --out three");
        AssertFailed(other, "Process 1 of 2 would train something else than process 0: ", "width is 17, not 16");
        var broken = Train(2, Pictures.Replace("--skip-broken", ""), "three");
        AssertFailed(broken, "1 of 45 images in", "--skip-broken");
        Assert.False(Directory.Exists(folder["three"]));
    }

    [Theory]
    [InlineData("--seed 2", "Process 1 of 2 would train something else than process 0: ", "seed is 2, not 1")]
    [InlineData("--train-limit 128", "Process 1 of 2 would train something else", "train_images is 128, not 64")]
    [InlineData("--data nowhere", "Process 1 of 2: ", "nowhere")]
    [InlineData("--data pictures --recipe article", "Process 1 of 2 would train something else", "train_images is 8, not 64")]
    [InlineData("--resume nowhere --epochs 20", "Process 1 of 2: ", "nowhere")]
    public void Different_options_or_errors_in_one_process_end_all_with_one_line(string other, params string[] parts)
    {
        SmallPictures.Write(folder["pictures"], ["cat", "dog"], 5);
        var run = Finish(
            $"-n 1 {ProgramRun.Command} train {Steps} --out run : -n 1 {ProgramRun.Command} train {With(Steps, other)} --out run");
        AssertFailed(run, parts);
        Assert.False(Directory.Exists(folder["run"]));
    }

    [Theory]
    [InlineData(3, "--batch-size 2", "A batch of 2 is too small for 3 processes")]
    [InlineData(2, "--test-limit 1", "1 images for evaluation are too few for 2 processes")]
    [InlineData(2, "--arch resnet20 --train-limit 67", "The last batch of an epoch would have 3 images", "needs two per process")]
    [InlineData(2, "--lr 1e30", "The loss became")]
    public void Errors_of_all_processes_are_printed_once(int processes, string options, params string[] parts) =>
        AssertFailed(Train(processes, With(Steps, options), "run"), parts);

    [Fact]
    public void An_unwritable_checkpoint_on_rank_0_ends_all()
    {
        Directory.CreateDirectory(folder["run/checkpoint.safetensors"]);
        AssertFailed(Train(2, Steps, "run"), "checkpoint.safetensors");
        Assert.Equal(
            ["run", "run/checkpoint.safetensors", "run/metrics.jsonl", "run/run.json"],
            folder.Contents.Where(path => !path.EndsWith(".lock")));
        Assert.Equal("failed", Info("run").GetProperty("status").GetString());
    }

    [Fact]
    public void Open_MPI_is_refused_with_one_line()
    {
        var run = ProgramRun.OfShell(folder.FullPath, $"OMPI_COMM_WORLD_SIZE=2 {ProgramRun.Command} train --out run");
        run.AssertFailed(1, "Open MPI", "MPICH");
    }

    private static double Number(JsonElement line, string name) => line.GetProperty(name).GetDouble();

    private static float[] Values(SafetensorsFile file, string name) => [.. file.Tensors[name].data<float>()];

    private static void Require(ProgramRun run) => Assert.True(run.ExitCode == 0, run.Output + run.Error);

    private static void AssertFailed(ProgramRun run, params string[] parts)
    {
        Assert.Equal((1, ""), (run.ExitCode, run.Output));
        var line = Assert.Single(run.Error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
        foreach (var part in parts)
            Assert.Contains(part, line);
    }

    // Replaces the values of some options.
    private static string With(string options, string other)
    {
        foreach (var name in other.Split(' ').Where(part => part.StartsWith("--", StringComparison.Ordinal)))
            options = Regex.Replace(options, $@"{name} \S+ ?", "");
        return $"{options.Trim()} {other}";
    }

    private static void Signal(string name, int process) => Require(ProgramRun.OfShell("/", $"kill -{name} {process}"));

    // Waits for some progress, kills a random process, and returns whether there was one to kill.
    private static async Task<bool> Kill(Process run, Random random)
    {
        await Progress(run, random.Next(3));
        await Task.Delay(random.Next(200), TestContext.Current.CancellationToken);
        var isKilled = Processes(run) is { Length: > 0 } all
            && ProgramRun.OfShell("/", $"kill -KILL {all[random.Next(all.Length)]}").ExitCode == 0;
        Assert.True(run.WaitForExit(TimeSpan.FromSeconds(60)), "the other processes still run");
        return isKilled;
    }

    // Waits until the run has printed as many lines about epochs or steps.
    private static async Task Progress(Process run, int count, string start = "Epoch")
    {
        for (var done = 0; done < count;)
            if (await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is not { } line)
                return;
            else if (line.StartsWith(start, StringComparison.Ordinal))
                done++;
    }

    // Ids of the training processes, in the order of their start.
    private static int[] Processes(Process mpiexec)
    {
        var tree = ProgramRun.OfShell("/", $"for p in $(pgrep -P {mpiexec.Id}); do pgrep -P $p; done").Output;
        return [.. tree.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
    }

    private ProgramRun Train(int processes, string options, string name) => processes == 1
        ? ProgramRun.OfShell(folder.FullPath, $"{ProgramRun.Command} train {options} --threads 1 --out {name}")
        : ProgramRun.Finish(Start(processes, $"{options} --out {name}"));

    private Process Start(int processes, string options, int timeout = 60) =>
        Mpiexec($"-n {processes} {ProgramRun.Command} train {options}", timeout);

    private ProgramRun Finish(string arguments) => ProgramRun.Finish(Mpiexec(arguments, timeout: 60));

    private Process Mpiexec(string arguments, int timeout)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/mpiexec.mpich"), "this needs MPICH: apt-get install mpich");
        return ProgramRun.Start(new ProcessStartInfo("sh", ["-c", $"exec mpiexec.mpich {arguments}"])
        {
            WorkingDirectory = folder.FullPath,
            Environment = { ["MNIST_CNN_PATIENCE"] = $"{timeout}" },
        });
    }

    private JsonElement[] Metrics(string name) =>
        [.. File.ReadLines(folder[$"{name}/metrics.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)];

    private string Checksums(string name) => Info(name).GetProperty("data").GetProperty("sha256").GetRawText();

    private JsonElement Info(string name) => JsonDocument.Parse(File.ReadAllText(folder[$"{name}/run.json"])).RootElement;
}
