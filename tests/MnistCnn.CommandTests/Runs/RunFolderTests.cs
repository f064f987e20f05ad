using System.Diagnostics;
using System.Runtime.InteropServices;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Runs;
using MnistCnn.Training;

namespace MnistCnn.Tests.Runs;

/// <summary>A run folder has one owner at a time and one run in it.</summary>
[Trait("Speed", "Slow")]
public sealed class RunFolderTests : IDisposable
{
    private static readonly string[] Short =
        ["train", "--arch", "plain", "--batch-size", "16", "--threads", "1", "--device", "cpu", "--data", "data"];

    private readonly TemporaryFolder folder = new();

    public RunFolderTests()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 160, test: 50);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Two_processes_never_write_into_one_folder()
    {
        Run([.. Short, "--out", "out", "--epochs", "1"]);
        string[] resume = ["train", "--resume", "out/checkpoint.safetensors", "--data", "data", "--threads", "1"];
        using (var first = Start([.. resume, "--epochs", "100000"]))
        {
            await UntilEpoch("out", 3, first);
            Assert.Throws<IOException>(() => FolderLock.Acquire(folder["out"])); // without the lock, the next lines would train
            Resume("out", "--epochs", "200").AssertFailed(1, folder["out"], "in use", "--out");
            Run([.. Short, "--out", "out"], 1).AssertFailed(1, "in use");
            ProgramRun.OfProcess(folder.FullPath, "experiment", "bottleneck", "--quick", "--out", "out").AssertFailed(1, "in use");
            Kill(first);
        }

        // The lock ended with its process.
        var epochs = File.ReadAllLines(folder["out/metrics.jsonl"]).Length + 1;
        Assert.Equal(0, Resume("out", "--epochs", $"{epochs}").ExitCode);
        Assert.Equal(Enumerable.Range(1, epochs), RunRecord.Read(folder["out"]).Epochs.Select(epoch => epoch.Epoch));
        Assert.DoesNotContain("out/run.lock", folder.Contents);
    }

    [Fact]
    public void Runs_that_start_at_the_same_time_get_different_folders()
    {
        var processes = Enumerable.Range(0, 3).Select(_ => Start([.. Short, "--epochs", "1"])).ToArray();
        Assert.All(processes.Select(process => ProgramRun.Finish(process)), run => Assert.Equal((0, ""), (run.ExitCode, run.Error)));
        Assert.Equal(3, Directory.GetDirectories(folder["runs"]).Length);
    }

    [Fact]
    public void Resuming_fails_in_the_folder_of_another_run_and_overwrites_nothing()
    {
        Run([.. Short, "--out", "one", "--epochs", "2"]);
        Run([.. Short, "--out", "other", "--epochs", "1", "--seed", "2"]);
        Run([.. Short, "--out", "same", "--epochs", "1"]);
        foreach (var name in new[] { "other", "same" })
        {
            File.Copy(folder["one/checkpoint.safetensors"], folder[$"{name}/copy.safetensors"]);
            var before = Files(name);
            Run(["train", "--resume", $"{name}/copy.safetensors", "--data", "data"], 1)
                .AssertFailed(1, folder[name], "another run", "--out");
            Assert.Equal(before, Files(name));
        }

        // Without run.json, nobody knows the run of the weights.
        Directory.CreateDirectory(folder["bare"]);
        File.Copy(folder["one/checkpoint.safetensors"], folder["bare/checkpoint.safetensors"]);
        foreach (var foreign in new[] { folder["other/best.safetensors"], Fixture.PathOf("plain-f16.safetensors") })
        {
            File.Copy(foreign, folder["bare/model.safetensors"], overwrite: true);
            Resume("bare").AssertFailed(1, "another run");
        }

        Assert.Equal(["checkpoint.safetensors", "model.safetensors"], Files("bare").Select(file => file.Name));
    }

    [Fact]
    public void Resuming_in_another_folder_copies_the_best_weights_or_reports_that_there_are_none()
    {
        // Which epoch is best on random images is chance.
        Run([.. Short, "--out", "home", "--epochs", "4", "--validation", "40"]);
        var best = File.ReadAllBytes(folder["home/best.safetensors"]);
        var taken = Resume("home", "--out", "elsewhere");
        Assert.Equal((0, ""), (taken.ExitCode, taken.Error));
        Assert.Equal(best, File.ReadAllBytes(folder["elsewhere/best.safetensors"]));
        Assert.Equal(File.ReadAllBytes(folder["home/model.safetensors"]), File.ReadAllBytes(folder["elsewhere/model.safetensors"]));

        Directory.CreateDirectory(folder["alone"]);
        File.Copy(folder["home/checkpoint.safetensors"], folder["alone/checkpoint.safetensors"]);
        var without = Resume("alone");
        Assert.Equal(0, without.ExitCode);
        Assert.Contains("best.safetensors", Assert.Single(without.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.DoesNotContain("best.safetensors", without.Output);
        Assert.DoesNotContain("alone/best.safetensors", folder.Contents);
    }

    [Fact]
    public async Task A_run_ends_when_its_folder_is_removed_and_does_not_re_create_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not remove a folder with an open file in it");
        using var process = Start([.. Short, "--out", "out", "--epochs", "100000", "--checkpoint-every", "3"]);
        await UntilEpoch("out", 2, process);
        Directory.Move(folder["out"], folder["gone"]); // atomic, although the run keeps writing
        Directory.Delete(folder["gone"], recursive: true);
        var run = ProgramRun.Finish(process);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("removed", Assert.Single(run.Error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal)));
        Assert.DoesNotContain(".tmp", run.Error);
        Assert.Equal(["data"], Directory.GetDirectories(folder.FullPath).Select(Path.GetFileName));
    }

    // Some file systems store no times, and backup programs rely on them.
    [Fact]
    public void A_lock_does_not_change_the_time_of_its_file()
    {
        var before = DateTime.UtcNow;
        using (var taken = FolderLock.Acquire(folder["out"]))
        {
            Assert.Contains("in use", Assert.Throws<IOException>(() => FolderLock.Acquire(folder["out"])).Message);
            Assert.InRange(File.GetLastWriteTimeUtc(folder["out/run.lock"]), before.AddMinutes(-1), DateTime.UtcNow.AddMinutes(1));
        }

        FolderLock.Acquire(folder["out"]).Dispose();
    }

    // Some shared file systems do not show the locks of other machines.
    [Fact]
    public void The_owner_of_a_lock_writes_its_file_again_and_again()
    {
        var interval = FolderLock.Heartbeat;
        Assert.InRange(interval, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20)); // a minute of silence means that it was killed
        FolderLock.Heartbeat = TimeSpan.FromMilliseconds(5);
        try
        {
            using var taken = FolderLock.Acquire(folder["out"]);
            File.SetLastWriteTimeUtc(folder["out/run.lock"], DateTime.UnixEpoch);
            Assert.True(SpinWait.SpinUntil(
                () => File.GetLastWriteTimeUtc(folder["out/run.lock"]) > DateTime.UtcNow.AddMinutes(-1), TimeSpan.FromMinutes(1)));
        }
        finally
        {
            FolderLock.Heartbeat = interval;
        }
    }

    [Fact]
    public void A_file_or_a_broken_link_cannot_be_a_run_folder()
    {
        File.WriteAllText(folder["file"], "");
        Run([.. Short, "--out", "file"], 1).AssertFailed(1, $"{folder["file"]} is a file or a broken link; it must be a folder.");
        File.CreateSymbolicLink(folder["link"], folder["nowhere"]);
        Assert.Contains("must be a folder", Assert.Throws<IOException>(() => FolderLock.Acquire(folder["link"])).Message);
    }

    [Fact]
    public unsafe void The_peak_memory_of_a_run_excludes_earlier_runs_of_the_process()
    {
        const int size = 400_000_000;
        using RunFolder large = Create("large"), small = Create("small");
        var memory = NativeMemory.Alloc(size);
        NativeMemory.Fill(memory, size, 1);
        NativeMemory.Free(memory);
        large.Finish(RunStatus.Finished);
        Assert.SkipWhen(large.Info.PeakMemory is null, "the system does not report it");
        small.Finish(RunStatus.Finished);
        Assert.InRange(small.Info.PeakMemory ?? 0, 0, large.Info.PeakMemory!.Value - size / 2);
    }

    [Fact]
    public void The_duration_of_a_run_of_decades_is_in_seconds()
    {
        using var run = Create("long");
        var before = DateTimeOffset.Now - run.Info.Started;
        run.Finish(RunStatus.Finished);
        Assert.InRange(run.Info.Seconds!.Value, before.TotalSeconds, (DateTimeOffset.Now - run.Info.Started).TotalSeconds);
    }

    // Not even root can replace a folder by a file.
    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model.safetensors", "run.json")]
    public async Task A_file_that_cannot_be_written_ends_the_run_with_its_name(params string[] names)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not delete a file that is being replaced");
        using var process = Start([.. Short, "--out", "out", "--epochs", "100000"]);
        await UntilEpoch("out", 2, process);
        foreach (var name in names.Reverse())
            while (!Directory.Exists(folder[$"out/{name}"]))
            {
                File.Delete(folder[$"out/{name}"]);
                try
                {
                    Directory.CreateDirectory(folder[$"out/{name}/in the way"]);
                }
                catch (IOException)
                {
                    // The run wrote it again in between.
                }
            }

        var run = ProgramRun.Finish(process);
        Assert.Equal(1, run.ExitCode);
        var line = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("model.safetensors", line);
        Assert.DoesNotContain(".tmp", line);
        Assert.DoesNotContain(folder.Contents, path => path.EndsWith(".tmp", StringComparison.Ordinal));
        if (names.Length == 1)
        {
            var info = RunInfo.Read(folder["out/run.json"]);
            Assert.Equal((RunStatus.Failed, line), (info.Status, $"error: {info.Error}"));
        }
    }

    [Fact]
    public void Resuming_deletes_the_temporary_files_of_a_killed_run()
    {
        Run([.. Short, "--out", "out", "--epochs", "1"]);
        string[] own = ["run.json.123.tmp", "checkpoint.safetensors.4567.tmp", "accuracy.png.89.tmp"];
        string[] others = ["notes.123.tmp", "run.json.x.tmp", "run.json.tmp"];
        foreach (var name in own.Concat(others))
            File.WriteAllText(folder[$"out/{name}"], "half");
        Assert.Equal(0, Resume("out", "--epochs", "2").ExitCode);
        Assert.Equal(
            others.Order(StringComparer.Ordinal),
            Files("out").Select(file => file.Name).Where(name => name.EndsWith(".tmp", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_folder_of_a_run_that_was_killed_before_its_first_checkpoint_can_be_used_again()
    {
        Run([.. Short, "--out", "out", "--epochs", "1"]);
        foreach (var name in new[] { "model.safetensors", "best.safetensors", "checkpoint.safetensors" })
            File.Delete(folder[$"out/{name}"]);
        File.WriteAllText(folder["out/metrics.jsonl"], "");
        var info = File.ReadAllText(folder["out/run.json"]);
        Run([.. Short, "--out", "out", "--epochs", "1"], 1).AssertFailed(1, "holds a run already");
        File.WriteAllText(folder["out/run.json"], info.Replace("\"finished\"", "\"running\""));
        Run([.. Short, "--out", "out", "--epochs", "1"]);

        Directory.CreateDirectory(folder["mine"]);
        File.WriteAllText(folder["mine/run.json"], """{"mine":true}""");
        Run([.. Short, "--out", "mine", "--epochs", "1"], 1).AssertFailed(1, folder["mine/run.json"]);
    }

    private RunFolder Create(string name) => RunFolder.Open(folder[name], new RunInfo(
        name, new TrainSettings { Architecture = Networks.Architecture.Find("plain")! }, 1, "cpu", 1, new Dictionary<string, string>(),
        new RunData("data", 1, 1, new Dictionary<string, string>(), Normalization.Mnist, []), DateTimeOffset.UnixEpoch));

    private async Task UntilEpoch(string name, int epochs, Process process)
    {
        while (!File.Exists(folder[$"{name}/metrics.jsonl"]) || File.ReadAllLines(folder[$"{name}/metrics.jsonl"]).Length < epochs)
        {
            Assert.False(process.HasExited, "it ended too early");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    private static void Kill(Process process)
    {
        process.Kill();
        process.WaitForExit();
    }

    private (string Name, string Contents)[] Files(string name) =>
    [
        .. Directory.GetFiles(folder[name]).Order(StringComparer.Ordinal)
            .Select(file => (Path.GetFileName(file), Convert.ToBase64String(File.ReadAllBytes(file)))),
    ];

    private ProgramRun Resume(string name, params string[] arguments) => ProgramRun.Of(
        folder.FullPath, ["train", "--resume", $"{name}/checkpoint.safetensors", "--data", "data", "--threads", "1", .. arguments]);

    private ProgramRun Run(string[] arguments, int exitCode = 0)
    {
        var run = ProgramRun.Of(folder.FullPath, arguments);
        Assert.Equal(exitCode, run.ExitCode);
        return run;
    }

    private Process Start(string[] arguments) => ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. arguments]);
}
