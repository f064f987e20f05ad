using System.Text.Json;
using MnistCnn.Training;
using Tensorboard;

namespace MnistCnn.Tests.Commands;

[Trait("Speed", "Slow")]
public sealed class TrainCommandTests : IDisposable
{
    private static readonly string[] Short =
        ["train", "--arch", "plain", "--epochs", "2", "--train-limit", "640", "--test-limit", "100", "--device", "cpu"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_run_folder_has_the_record_the_metrics_the_weights_and_the_plot()
    {
        var run = Run([.. Short, "--out", "out", "--log-interval", "5", "--seed", "3", "--threads", "1"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] files =
            ["accuracy.png", "best.safetensors", "checkpoint.safetensors", "metrics.jsonl", "model.safetensors", "run.json"];
        Assert.Equal(["out", .. files.Select(file => $"out/{file}")], folder.Contents);

        var lines = run.Output.Split('\n');
        Assert.Matches(@"^\[1     5\] loss: \d\.\d{3}$", lines[0]);
        Assert.Matches(@"^\[1    10\] loss: \d\.\d{3}$", lines[1]);
        Assert.Matches(@"^Epoch  1: accuracy \d+\.\d\d %, ", lines[2]);
        foreach (var file in folder.Contents.Skip(1))
            Assert.Contains(folder[file], lines);

        var info = Json(File.ReadAllText(folder["out/run.json"]));
        Assert.Equal("plain", info.GetProperty("settings").GetProperty("architecture").GetString());
        Assert.Equal(3, info.GetProperty("settings").GetProperty("seed").GetInt64());
        Assert.Equal(8490, info.GetProperty("parameters").GetInt64());
        Assert.Equal("cpu", info.GetProperty("device").GetString());
        Assert.Equal(1, info.GetProperty("threads").GetInt32());
        Assert.Equal("finished", info.GetProperty("status").GetString());
        Assert.Equal(640, info.GetProperty("data").GetProperty("train_images").GetInt64());
        Assert.Equal(4, info.GetProperty("data").GetProperty("sha256").EnumerateObject().Count());
        Assert.True(info.GetProperty("seconds").GetDouble() > 0);
        Assert.True(info.GetProperty("started").TryGetDateTimeOffset(out _));

        var epochs = File.ReadAllLines(folder["out/metrics.jsonl"]).Select(Json).ToArray();
        Assert.Equal([1, 2], epochs.Select(epoch => epoch.GetProperty("epoch").GetInt32()));
        string[] names =
            ["train_loss", "test_loss", "test_accuracy", "train_accuracy", "train_seconds", "test_seconds", "images_per_second"];
        foreach (var name in names)
            Assert.All(epochs, epoch => Assert.True(epoch.GetProperty(name).GetDouble() > 0, name));
        Assert.Equal("\u0089PNG", string.Concat(File.ReadAllBytes(folder["out/accuracy.png"])[..4].Select(value => (char)value)));
    }

    [Fact]
    public void A_recipe_sets_the_options_that_are_not_given()
    {
        JsonElement Settings(params string[] arguments) =>
            Json(Run([.. Short, .. arguments, "--json"]).Output).GetProperty("run").GetProperty("settings");

        var article = Settings();
        Assert.Equal((64, 0.01, 0.5, "constant", 0.0), Of(article));
        Assert.Equal(Of(article), Of(Settings("--recipe", "article")));
        Assert.Equal((128, 0.2, 0.9, "one-cycle", 0.1), Of(Settings("--recipe", "sprint")));
        Assert.Equal((64, 0.1, 0.9, "one-cycle", 0.1), Of(Settings("--recipe", "Fast")));
        Assert.Equal((128, 0.2, 0.9, "one-cycle", 0.1), Of(Settings("--recipe", "best")));
        Assert.Equal((16, 0.05, 0.9, "one-cycle", 0.1), Of(Settings("--recipe", "images")));
        const string moves = "shift=2,rotate=10,scale=0.1";
        (string, int, string?)[] courses = [("sprint", 1, null), ("fast", 2, "crop=1"), ("best", 15, moves), ("images", 20, moves)];
        Assert.Equal(
            courses,
            Recipe.All.Skip(1).SkipLast(1).Select(recipe => (recipe.Name, recipe.Settings.Epochs, recipe.Settings.Augment?.ToString())));
        Assert.Equal((64, 0.05, 0.9, "constant", 0.1), Of(Settings("--recipe", "fast", "--lr", "0.05", "--schedule", "constant")));
        Assert.Equal((128, 0.1, 0.9, "steps", 0.0), Of(Settings("--recipe", "resnet-paper")));
        Run(["train", "--recipe", "nosuch"]).AssertFailed(2, "nosuch", "article, sprint, fast, best, images, resnet-paper");
        Run(["train", "--recipe", "fast", "--resume", "checkpoint"]).AssertFailed(2, "--recipe", "--resume");

        static (int BatchSize, double LearningRate, double Momentum, string? Schedule, double LabelSmoothing) Of(JsonElement settings) => (
            settings.GetProperty("batch_size").GetInt32(),
            settings.GetProperty("learning_rate").GetDouble(),
            settings.GetProperty("momentum").GetDouble(),
            settings.GetProperty("schedule").GetString(),
            settings.GetProperty("label_smoothing").GetDouble());
    }

    [Fact]
    public void The_recipe_of_the_residual_paper_is_recorded_and_can_be_changed()
    {
        JsonElement Settings(params string[] arguments) =>
            Json(Run([.. Short, .. arguments, "--json"]).Output).GetProperty("run").GetProperty("settings");

        var paper = Settings("--recipe", "resnet-paper");
        Assert.Equal((0.0001, "32000 48000", "crop=4,flip"), Of(paper));
        Assert.Equal(
            (0.01, "5 9", "crop=4,flip"), Of(Settings("--recipe", "resnet-paper", "--weight-decay", "0.01", "--lr-milestones", "5", "9")));
        Assert.Equal(164, Recipe.All.Single(recipe => recipe.Name == "resnet-paper").Settings.Epochs);

        // Unused settings are not recorded, and a schedule on the command line replaces the schedule of the recipe.
        var article = Settings();
        Assert.False(article.TryGetProperty("weight_decay", out _) || article.TryGetProperty("learning_rate_milestones", out _));
        var cycle = Settings("--recipe", "resnet-paper", "--schedule", "one-cycle");
        Assert.Equal("one-cycle", cycle.GetProperty("schedule").GetString());
        Assert.False(cycle.TryGetProperty("learning_rate_milestones", out _));
        var steps = Settings("--recipe", "fast", "--lr-milestones", "7");
        Assert.Equal("steps", steps.GetProperty("schedule").GetString());
        Assert.Equal("7", Milestones(steps));
        Run(["train", "--schedule", "one-cycle", "--lr-milestones", "7"]).AssertFailed(2, "--lr-milestones", "--schedule steps");
        Run(["train", "--schedule", "steps"]).AssertFailed(2, "--lr-milestones", "--schedule steps");
        Run(["train", "--schedule", "daily"]).AssertFailed(2, "constant, one-cycle, steps", "'daily'");
        Run(["train", "--lr-milestones", "7", "5"]).AssertFailed(2, "--lr-milestones", "'7 5'");

        static (double WeightDecay, string Milestones, string? Augment) Of(JsonElement settings) => (
            settings.GetProperty("weight_decay").GetDouble(),
            Milestones(settings),
            settings.GetProperty("augment").GetString());

        static string Milestones(JsonElement settings) => string.Join(
            ' ', settings.GetProperty("learning_rate_milestones").EnumerateArray());
    }

    [Theory]
    [InlineData("plain", 2)]
    [InlineData("plain", 1, "--threads", "1")]
    [InlineData("plain", 1, "--replicas", "1")]
    [InlineData("plain", 1, "--batch-size", "1")]
    [InlineData("plain20", 1)]
    public void A_batch_is_split_among_two_replicas_if_the_network_and_the_threads_allow_it(
        string name, int expected, params string[] options)
    {
        string[] small = ["--epochs", "1", "--train-limit", "20", "--test-limit", "10", "--device", "cpu"];
        var run = Run(["train", "--arch", name, "--json", .. small, .. options]);
        Assert.Equal(0, run.ExitCode);
        var record = Json(run.Output).GetProperty("run");
        var replicas = record.TryGetProperty("replicas", out var value) ? value.GetInt32() : 1;
        Assert.Equal(Math.Min(expected, record.GetProperty("threads").GetInt32()), replicas);
    }

    [Fact]
    public void Augmentation_is_recorded_if_it_is_used()
    {
        JsonElement Settings(params string[] arguments) =>
            Json(Run([.. Short, .. arguments, "--json"]).Output).GetProperty("run").GetProperty("settings");

        Assert.Equal("shift=2,rotate=10,flip", Settings("--augment", "flip,rotate=10,shift=2").GetProperty("augment").GetString());
        Assert.False(Settings().TryGetProperty("augment", out _));
        Assert.False(Settings("--recipe", "fast", "--augment", "none").TryGetProperty("augment", out _));
    }

    [Fact]
    public void Unbalanced_classes_are_reported_and_can_be_weighted()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 1230);
        var labels = Enumerable.Range(0, 1230).Select(index => (byte)(index < 1200 ? 7 : 9)).ToArray();
        File.WriteAllBytes(folder["data/train-labels-idx1-ubyte"], SmallMnist.Idx(labels, 1230));
        File.Delete(folder["data/train-labels-idx1-ubyte.gz"]);
        string[] arguments = ["train", "--arch", "plain", "--epochs", "1", "--data", "data", "--seed", "2"];

        var plain = Run([.. arguments, "--out", "plain"]);
        Assert.Equal((0, "Classes are unbalanced: 7 has 1,200 images, 0 0.\n"), (plain.ExitCode, plain.Error));
        Assert.False(Settings("plain").TryGetProperty("balance_classes", out _));
        Assert.Equal(0, Run([.. arguments, "--out", "balanced", "--class-weights", "Balanced"]).ExitCode);
        Assert.True(Settings("balanced").GetProperty("balance_classes").GetBoolean());
        Assert.NotEqual(File.ReadAllBytes(folder["plain/model.safetensors"]), File.ReadAllBytes(folder["balanced/model.safetensors"]));

        // A resumed run keeps its class weights, and a run without them cannot get them.
        Assert.Equal(
            0, Run(["train", "--resume", "balanced/checkpoint.safetensors", "--data", "data", "--epochs", "2", "--out", "more"]).ExitCode);
        Assert.True(Settings("more").GetProperty("balance_classes").GetBoolean());
        Run(["train", "--resume", "plain/checkpoint.safetensors", "--data", "data", "--class-weights", "balanced"])
            .AssertFailed(1, "balance_classes was nothing, now true");

        JsonElement Settings(string run) => Json(File.ReadAllText(folder[$"{run}/run.json"])).GetProperty("settings");
    }

    [Fact]
    public void Json_is_one_document_on_standard_output()
    {
        var run = Run([.. Short, "--json", "--plot", "plots/a.svg"]);
        Assert.Equal(0, run.ExitCode);
        var result = Json(run.Output);
        Assert.Equal(2, result.GetProperty("epochs").GetArrayLength());
        Assert.Equal("finished", result.GetProperty("run").GetProperty("status").GetString());
        var files = result.GetProperty("files").EnumerateArray().Select(file => file.GetString()!).ToArray();
        Assert.All(files, file => Assert.True(File.Exists(file), file));
        Assert.Contains(folder["plots/a.svg"], files);
        Assert.Contains("<svg", File.ReadAllText(folder["plots/a.svg"]));
    }

    [Fact]
    public void TensorBoard_events_cover_every_step_and_every_epoch()
    {
        Assert.Equal(0, Run([.. Short, "--tensorboard", "--out", "out"]).ExitCode);
        AssertEvents("out", steps: 20, epochs: 2);
    }

    [Fact]
    public void A_resumed_run_continues_its_events_without_duplicate_steps()
    {
        string[] start = ["train", "--arch", "plain", "--train-limit", "640", "--test-limit", "100", "--epochs", "1", "--tensorboard"];
        Assert.Equal(0, Run([.. start, "--out", "out"]).ExitCode);
        Assert.Equal(0, Resume("out", "2", "--out", "other"));
        AssertEvents("out", steps: 10, epochs: 1);
        AssertEvents("other", steps: 20, epochs: 2);

        // As if the run was killed after the second epoch, in the middle of a record and before the checkpoint.
        File.Copy(folder["out/checkpoint.safetensors"], folder["other/checkpoint.safetensors"], overwrite: true);
        foreach (var path in Events("other"))
            File.AppendAllText(path, "half a record");
        Assert.Equal(0, Resume("other", "2"));
        AssertEvents("other", steps: 20, epochs: 2);

        Assert.Equal(0, Resume("other", "3", "--tensorboard", "false"));
        AssertEvents("other", steps: 20, epochs: 2);

        int Resume(string run, string epochs, params string[] arguments) =>
            Run(["train", "--resume", $"{run}/checkpoint.safetensors", "--epochs", epochs, .. arguments]).ExitCode;
    }

    // As if the run was killed after the checkpoint of its last epoch, before the plot and the events of that epoch.
    [Fact]
    public void A_resumed_run_adds_the_missing_plot_and_events_of_a_finished_epoch()
    {
        string[] start = ["train", "--arch", "plain", "--train-limit", "640", "--test-limit", "100", "--tensorboard"];
        Assert.Equal(0, Run([.. start, "--epochs", "1", "--out", "first"]).ExitCode);
        Assert.Equal(0, Run([.. start, "--epochs", "2", "--out", "out"]).ExitCode);
        var plot = File.ReadAllBytes(folder["out/accuracy.png"]);
        foreach (var path in Events("out"))
            File.Delete(path);
        foreach (var path in Events("first").Append(folder["first/accuracy.png"]))
            File.Copy(path, Path.Combine(folder["out"], Path.GetFileName(path)), overwrite: true);

        Assert.Equal(0, Run(["train", "--resume", "out/checkpoint.safetensors"]).ExitCode);
        Assert.Equal(plot, File.ReadAllBytes(folder["out/accuracy.png"]));
        AssertEvents("out", steps: 10, epochs: 2); // the deleted file had the steps of the second epoch
    }

    [Fact]
    public void Runs_never_overwrite_each_other()
    {
        Assert.Equal(0, Run([.. Short, "--out", "out"]).ExitCode);
        var before = File.ReadAllBytes(folder["out/run.json"]);
        Run([.. Short, "--out", "out"]).AssertFailed(1, "out", "--out");
        Assert.Equal(before, File.ReadAllBytes(folder["out/run.json"]));

        Assert.Equal(0, Run(Short).ExitCode);
        Assert.Equal(0, Run(Short).ExitCode);
        Assert.Equal(2, Directory.GetDirectories(folder["runs"], "plain-*").Length);
    }

    [Theory]
    [InlineData("train", "--arch", "foo")]
    [InlineData("--arch", "foo", "train")]
    public void An_unknown_architecture_lists_the_known_ones(params string[] arguments) =>
        Run(arguments).AssertFailed(2, "'foo'", "inception, residual, residual-as-printed, plain");

    [Theory]
    [InlineData("--epochs", "0")]
    [InlineData("--epochs", "-1")]
    [InlineData("--epochs", "ten")]
    [InlineData("--batch-size", "0")]
    [InlineData("--lr", "0")]
    [InlineData("--lr", "-0.1")]
    [InlineData("--lr", "NaN")]
    [InlineData("--momentum", "1")]
    [InlineData("--label-smoothing", "1")]
    [InlineData("--augment", "shift=x")]
    [InlineData("--augment", "crop=1.5")]
    [InlineData("--weight-decay", "-0.1")]
    [InlineData("--weight-decay", "1e39")]
    [InlineData("--lr-milestones", "0")]
    [InlineData("--lr-milestones", "half")]
    [InlineData("--clip-norm", "-1")]
    [InlineData("--class-weights", "fair")]
    [InlineData("--seed", "x")]
    [InlineData("--log-interval", "0")]
    [InlineData("--train-limit", "0")]
    [InlineData("--test-limit", "-5")]
    [InlineData("--lr", "4e38")]
    [InlineData("--threads", "0")]
    [InlineData("--threads", "1000")]
    [InlineData("--device", "tpu")]
    [InlineData("--plot", "accuracy.txt")]
    public void A_wrong_value_names_its_option(string option, string value)
    {
        Run(["train", option, value]).AssertFailed(2, option == "--device" ? "device" : option, $"'{value}'");
        Assert.Empty(folder.Contents);
    }

    [Theory]
    [InlineData("fly")]
    [InlineData("fly", "--epochs", "2")]
    public void An_unknown_command_lists_the_known_ones(params string[] arguments) =>
        Run(arguments).AssertFailed(2, "'fly'", "train, evaluate, predict, compare, summary, export, serve, experiment, sweep");

    [Theory]
    [InlineData]
    [InlineData("train", "--wings", "2")]
    [InlineData("train", "--epochs")]
    public void A_wrong_command_line_is_a_usage_error(params string[] arguments) => Run(arguments).AssertFailed(2);

    [Fact]
    public void A_missing_device_fails_with_its_requirements()
    {
        Run(["train", "--device", "cuda:77"]).AssertFailed(1, "cuda:77");
        if (!TorchSharp.torch.cuda.is_available())
            Run(["train", "--device", "cuda"]).AssertFailed(1, "-p:TorchBackend=cuda");
    }

    [Fact]
    public void Wrong_data_fails_and_leaves_no_files()
    {
        Run(["train", "--data", "nowhere"]).AssertFailed(1, folder["nowhere"], "does not exist");
        Run(["train", "--data", Path.Combine(RepositoryRoot.FullPath, "README.md")]).AssertFailed(1, "README.md is a file");
        using var data = new TemporaryFolder();
        SmallMnist.Write(data.FullPath);
        File.WriteAllBytes(data["train-images-idx3-ubyte"], File.ReadAllBytes(data["train-images-idx3-ubyte"])[..^1]);
        Run(["train", "--data", data.FullPath]).AssertFailed(1, "train-images-idx3-ubyte", "cut short");
        Assert.Empty(folder.Contents);
    }

    [Fact]
    public void A_path_that_cannot_be_written_fails_before_training()
    {
        File.WriteAllText(folder["file"], "");
        Run([.. Short, "--out", "file/below"]).AssertFailed(1, folder["file"]);
        Run([.. Short, "--plot", "file/plot.png"]).AssertFailed(1, folder["file"]);
        Assert.Equal(["file"], folder.Contents);
    }

    [Fact]
    public void A_run_stops_at_the_step_whose_loss_is_NaN()
    {
        Run([.. Short, "--lr", "1e6", "--out", "out"]).AssertFailed(1, "epoch 1, step ");
        Assert.Equal("diverged", Json(File.ReadAllText(folder["out/run.json"])).GetProperty("status").GetString());
    }

    // With these weights, the loss of a step is finite and the test loss is not.
    [Theory]
    [InlineData("1e10")]
    [InlineData("3.4e38")]
    public void A_run_stops_if_the_test_loss_is_NaN(string learningRate) =>
        Run(["train", "--lr", learningRate, "--train-limit", "64", "--epochs", "1", "--json"]).AssertFailed(1, "The loss became NaN");

    [Fact]
    public void A_batch_size_above_the_number_of_images_takes_all_images()
    {
        var run = Run([.. Short, "--batch-size", "2147483647", "--json"]);
        Assert.Equal(0, run.ExitCode);
        var all = Run([.. Short, "--batch-size", "640", "--json"]);
        Assert.Equal(Losses(all), Losses(run));
        Assert.InRange(Json(run.Output).GetProperty("run").GetProperty("peak_memory").GetInt64(), 0, 600_000_000);

        static IEnumerable<double> Losses(ProgramRun run) =>
            Json(run.Output).GetProperty("epochs").EnumerateArray().Select(epoch => epoch.GetProperty("train_loss").GetDouble());
    }

    [Fact]
    public void A_full_standard_output_is_reported()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "there is no /dev/full on this system");
        var run = ProgramRun.OfShell(folder.FullPath, $"{ProgramRun.Command} summary --arch plain > /dev/full");
        run.AssertFailed(1, "Standard output cannot be written");
        Assert.Equal(
            1, ProgramRun.OfShell(folder.FullPath, $"{ProgramRun.Command} summary --arch plain > /dev/full 2> /dev/full").ExitCode);
        Assert.Equal(2, ProgramRun.OfShell(folder.FullPath, $"{ProgramRun.Command} fly 2> /dev/full").ExitCode);
        ProgramRun.OfShell(folder.FullPath, $"{ProgramRun.Command} summary --arch plain >&-")
            .AssertFailed(1, "Standard output cannot be written");
        Run(["train", "--arch", "plain", "--epochs", "40000", "--schedule", "one-cycle", "--batch-size", "1"])
            .AssertFailed(1, "40000 epochs of 60000 steps");
    }

    [Fact]
    public void A_data_set_can_be_in_any_folder()
    {
        using var data = new TemporaryFolder();
        SmallMnist.Write(data.FullPath);
        var run = Run(["train", "--arch", "plain", "--epochs", "1", "--data", data.FullPath, "--json"]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(20, Json(run.Output).GetProperty("run").GetProperty("data").GetProperty("train_images").GetInt64());
    }

    [Theory]
    [InlineData("INT", 2)]
    [InlineData("TERM", 15)]
    [InlineData("HUP", 1)]
    public async Task A_signal_stops_after_the_step_and_keeps_the_metrics(string signal, int number)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no signals to send on Windows");
        Assert.SkipWhen(ProgramRun.IsIgnored(number), "a process that is started where the signal is ignored ignores it too");
        string[] train = ["train", "--arch", "plain", "--epochs", "1000", "--train-limit", "640", "--test-limit", "100", "--out", "out"];
        using var process = ProgramRun.Start(folder.FullPath, ["exec", ProgramRun.ProgramPath, .. train]);
        while (!File.Exists(folder["out/accuracy.png"]))
        {
            Assert.False(process.HasExited);
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        using (var kill = System.Diagnostics.Process.Start("kill", [$"-{signal}", $"{process.Id}"]))
            kill.WaitForExit();
        var run = ProgramRun.Finish(process);
        Assert.Equal(130, run.ExitCode);
        Assert.Equal("stopped", Json(File.ReadAllText(folder["out/run.json"])).GetProperty("status").GetString());
        Assert.NotEmpty(File.ReadAllLines(folder["out/metrics.jsonl"]));
        using var checkpoint = MnistCnn.Runs.Checkpoint.Read(folder["out/checkpoint.safetensors"]);
        Assert.Equal(File.ReadAllLines(folder["out/metrics.jsonl"]).Length, checkpoint.Progress.History.Count);
    }

    [Fact]
    public void The_fast_recipe_trains_faster()
    {
        Assert.True(Accuracy("fast") > Accuracy("article") + 5);

        double Accuracy(string recipe)
        {
            string[] limits = ["--epochs", "1", "--train-limit", "6400", "--test-limit", "2000"];
            var run = Run(["train", "--recipe", recipe, .. limits, "--device", "cpu", "--json"]);
            return Json(run.Output).GetProperty("epochs")[0].GetProperty("test_accuracy").GetDouble();
        }
    }

    /// <summary>Accuracies far above chance (10 %), with the memory of a small machine.</summary>
    [Theory]
    [InlineData("inception", 80)]
    [InlineData("residual", 88)]
    public void Smoke_test_on_the_CPU(string architecture, double accuracy)
    {
        string[] limits = ["--epochs", "2", "--train-limit", "6400", "--test-limit", "2000"];
        var run = Run(["train", "--arch", architecture, .. limits, "--device", "cpu", "--json"]);
        Assert.Equal(0, run.ExitCode);
        Assert.True(Json(run.Output).GetProperty("epochs")[1].GetProperty("test_accuracy").GetDouble() > accuracy, run.Output);
        Assert.InRange(Json(run.Output).GetProperty("run").GetProperty("peak_memory").GetInt64(), 100_000_000, 600_000_000);
    }

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    private string[] Events(string run) => [.. Directory.GetFiles(folder[run], "events.out.tfevents.*").Order(StringComparer.Ordinal)];

    private void AssertEvents(string run, int steps, int epochs)
    {
        List<Event> events = [];
        foreach (var path in Events(run))
        {
            using var reader = new BinaryReader(File.OpenRead(path));
            while (reader.BaseStream.Position < reader.BaseStream.Length)
            {
                var length = reader.ReadInt64();
                reader.ReadUInt32();
                events.Add(Event.Parser.ParseFrom(reader.ReadBytes((int)length)));
                reader.ReadUInt32();
            }
        }

        (string, int)[] counts = [("loss/train", steps), ("learning_rate", steps), ("loss/test", epochs), ("accuracy/test", epochs)];
        foreach (var (tag, count) in counts)
            Assert.Equal(
                Enumerable.Range(1, count).Select(step => (long)step),
                events.Where(entry => entry.Summary?.Value[0].Tag == tag).Select(entry => entry.Step));
    }

    private ProgramRun Run(string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);
}
