using System.Text;
using System.Text.Json.Nodes;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Tests.Training;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runs;

/// <summary>Complete and damaged checkpoints, and the runs that resume from them.</summary>
public sealed class CheckpointTests(CheckpointTests.StoppedRun run) : IClassFixture<CheckpointTests.StoppedRun>, IDisposable
{
    private static readonly Architecture Plain = Architecture.Find("plain")!;

    // 160 images, of which 10 are held out: ten steps of an epoch, the last of six images.
    private static readonly TrainSettings Settings = new() { Architecture = Plain, Epochs = 3, BatchSize = 16, Validation = 10 };

    private readonly TemporaryFolder folder = new();
    private readonly string path = run.Path;

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_checkpoint_can_be_read_after_writing()
    {
        using var checkpoint = Checkpoint.Read(path);
        Assert.Equal((2, 4, 64), (checkpoint.Progress.Epoch, checkpoint.Progress.Step, checkpoint.Progress.ImageSum));
        Assert.Equal(("run", Settings), (checkpoint.RunId, checkpoint.Settings));
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public void A_checkpoint_of_3000_epochs_with_1000_classes_can_be_read()
    {
        double?[] accuracies = [.. Enumerable.Range(0, 1000).Select(place => Math.Round(place / 30.0, 4))];
        var history = Enumerable.Range(1, 3000)
            .Select(epoch => new EpochMetrics(epoch, 0.5, 0.25, 90, 1, 0.1, 1000, TestClassAccuracies: accuracies));
        using var longer = Trainer.Create(Settings with { Epochs = 3001 }, run.Data, CPU);
        var momentum = longer.Model.named_parameters().ToDictionary(named => named.name, named => zeros_like(named.parameter));
        longer.LoadState(longer.SaveState() with
        {
            Progress = TrainingProgress.Start with { Epoch = 3001, History = [.. history] },
            MomentumBuffers = momentum,
        });
        Checkpoint.Write(folder["long"], longer, RunData.Of(run.Data), "run");
        using var checkpoint = Checkpoint.Read(folder["long"]);
        Assert.Equal((3001, 3000), (checkpoint.Progress.Epoch, checkpoint.Progress.History.Count));
        Assert.Equal(accuracies, checkpoint.Progress.History[^1].TestClassAccuracies);
    }

    [Theory]
    [InlineData("state", "step", null)]
    [InlineData("state", "epoch", null)]
    [InlineData("state", "image_sum", null)]
    [InlineData("state", "correct_sum", null)]
    [InlineData("state", "loss_sum", null)]
    [InlineData("state", "loss_sum", "1e999")]
    [InlineData("state", "history", null)]
    [InlineData("state", "history", "null")]
    [InlineData("state", "history", "[{}]")]
    [InlineData("settings", "seed", null)]
    [InlineData("settings", "validation", null)]
    [InlineData("settings", "architecture", "null")]
    [InlineData("settings", "balance_classes", "1")]
    [InlineData("settings", "augment", "\"shift\"")]
    [InlineData("data", "train_images", null)]
    [InlineData("data", "sha256", "null")]
    public void A_missing_field_or_one_of_another_type_is_an_error(string part, string field, string? value)
    {
        using (var file = SafetensorsFile.Read(path))
        {
            var isState = part == "state";
            var json = JsonNode.Parse(isState ? Encoding.UTF8.GetString(file.Tensors[part].bytes) : file.Metadata[part])!.AsObject();
            json.Remove(field);
            var text = json.ToJsonString();
            if (value is not null)
                text = $"{{\"{field}\":{value},{text[1..]}";
            (isState
                ? file with { Tensors = new Dictionary<string, Tensor>(file.Tensors) { [part] = tensor(Encoding.UTF8.GetBytes(text)) } }
                : file with { Metadata = new Dictionary<string, string>(file.Metadata) { [part] = text } }).Write(folder["changed"]);
        }

        var error = Assert.Throws<InvalidDataException>(() => Checkpoint.Read(folder["changed"]));
        Assert.StartsWith(folder["changed"], error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_missing_or_additional_file_makes_the_data_different()
    {
        using var checkpoint = Checkpoint.Read(path);
        var same = checkpoint.Data;
        checkpoint.EnsureSame(same with { Folder = "elsewhere" });
        var name = same.Sha256.Keys.First();
        var less = same with { Sha256 = same.Sha256.Where(sum => sum.Key != name).ToDictionary() };
        var more = same with { Sha256 = new Dictionary<string, string>(same.Sha256) { ["more"] = "sum" } };
        Assert.Contains(name, Assert.Throws<InvalidDataException>(() => checkpoint.EnsureSame(less)).Message);
        var error = Assert.Throws<InvalidDataException>(() => checkpoint.EnsureSame(more));
        Assert.Contains("more was nothing", error.Message);
        Assert.DoesNotContain("epochs", error.Message);
        Assert.Equal((Remedy.NameData, null), Remedies.Of(error));
    }

    // libtorch would abort the process.
    [Theory]
    [InlineData(8, 0)]
    [InlineData(8, 255)]
    [InlineData(9, 3)]
    [InlineData(12, 2)]
    [InlineData(17, 255)]
    [InlineData(23, 1)]
    public void An_impossible_random_state_is_an_error(int at, byte value)
    {
        using (var file = SafetensorsFile.Read(path))
        {
            using var state = file.Tensors["random_state"].clone();
            state[at] = value;
            var tensors = new Dictionary<string, Tensor>(file.Tensors) { ["random_state"] = state };
            (file with { Tensors = tensors }).Write(folder["changed"]);
        }

        using var checkpoint = Checkpoint.Read(folder["changed"]);
        using var trainer = CreateTrainer();
        Assert.Contains("random", Assert.Throws<InvalidDataException>(() => checkpoint.Restore(trainer)).Message);
    }

    // MNIST_CNN_GOLDEN=write rewrites the fixture.
    [Fact]
    [Trait("Speed", "Slow")]
    public void A_checkpoint_of_version_0_2_resumes_to_the_end_of_an_uninterrupted_run()
    {
        Directory.CreateDirectory(folder["data"]);
        SmallMnist.Write(folder["data"], train: 320, test: 100, pack: false);
        using var data = IdxReader.Load(folder["data"]);
        var fixture = Path.Combine(RepositoryRoot.FullPath, "tests", "MnistCnn.Tests", "Fixtures", "checkpoint-0.2.safetensors");
        if (Environment.GetEnvironmentVariable("MNIST_CNN_GOLDEN") == "write")
            WriteStopped(fixture, Settings with { Epochs = 6, Seed = 5, Validation = 50 }, data, at: (3, 7));
        using var checkpoint = Checkpoint.Read(fixture);
        using var run = TrainingRun.Create(new TrainingRequest(checkpoint.Settings, data, CPU) { Folder = folder["out"] }, checkpoint);
        Assert.True(run.Train([], TestContext.Current.CancellationToken));
        using var whole = Trainer.Create(checkpoint.Settings, data, CPU);
        whole.Fit([], TestContext.Current.CancellationToken);

        // Bit-equal only on the processor that wrote the fixture.
        foreach (var (name, expected) in whole.Model.state_dict())
            Assert.True(expected.allclose(run.Trainer.Model.state_dict()[name], rtol: 1e-4, atol: 1e-6), name);
        Assert.Equal(6, run.Trainer.Progress.History.Count);
    }

    [Fact]
    public void A_resumed_run_does_not_keep_its_checkpoint_in_memory()
    {
        using var checkpoint = Checkpoint.Read(path);
        using var resumed = TrainingRun.Create(new TrainingRequest(Settings, run.Data, CPU) { Folder = folder["out"] }, checkpoint);
        Assert.Contains("empty handle", Assert.Throws<InvalidOperationException>(() => checkpoint.Restore(resumed.Trainer)).Message);
    }

    [Fact]
    public void A_folder_is_unlocked_if_the_best_weights_cannot_be_copied_into_it()
    {
        using (var whole = TrainingRun.Create(new TrainingRequest(Settings with { Epochs = 1 }, run.Data, CPU) { Folder = folder["home"] }))
            Assert.True(whole.Train([], TestContext.Current.CancellationToken));
        Directory.CreateDirectory(folder["elsewhere/best.safetensors/in the way"]);
        var home = folder["home/checkpoint.safetensors"];
        using var checkpoint = Checkpoint.Read(home);
        Assert.Throws<IOException>(() =>
            TrainingRun.Create(new TrainingRequest(checkpoint.Settings, run.Data, CPU) { Folder = folder["elsewhere"] }, checkpoint));
        FolderLock.Acquire(folder["elsewhere"]).Dispose();
    }

    // A terminal that is closed after an epoch.
    [Fact]
    public void A_callback_that_fails_while_the_run_is_cancelled_loses_no_weights()
    {
        using var enough = new CancellationTokenSource();
        using var whole = TrainingRun.Create(new TrainingRequest(Settings, run.Data, CPU) { Folder = folder["run"] });
        Assert.False(whole.Train([new ClosedTerminal(enough)], enough.Token));
        using var checkpoint = Checkpoint.Read(folder["run/checkpoint.safetensors"]);
        using var weights = SafetensorsFile.Read(folder["run/model.safetensors"]);
        Assert.Equal((2, "1"), (checkpoint.Progress.Epoch, weights.Metadata["epoch"]));
        Assert.Equal(RunStatus.Stopped, whole.Folder.Info.Status);
    }

    private static void WriteStopped(string path, TrainSettings settings, DataSet data, (int Epoch, int Step) at)
    {
        using var enough = new CancellationTokenSource();
        using var trainer = Trainer.Create(settings, data, CPU);
        var stopper = new Recorder(step =>
        {
            if ((step.Epoch, step.Step) == at)
                enough.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => trainer.Fit([stopper], enough.Token));
        Checkpoint.Write(path, trainer, RunData.Of(data), "run");
    }

    private Trainer CreateTrainer() => Trainer.Create(Settings, run.Data, CPU);

    private sealed class ClosedTerminal(CancellationTokenSource cancellation) : ITrainingCallback
    {
        void ITrainingCallback.OnEpochEnd(EpochMetrics epoch)
        {
            cancellation.Cancel();
            throw new IOException("Input/output error");
        }
    }

    /// <summary>A run that was stopped in its second epoch.</summary>
    public sealed class StoppedRun : IDisposable
    {
        private readonly TemporaryFolder folder = new();

        public StoppedRun()
        {
            SmallMnist.Write(folder.FullPath, train: 160, test: 50);
            Data = IdxReader.Load(folder.FullPath);
            WriteStopped(Path, Settings, Data, at: (2, 4));
        }

        internal DataSet Data { get; }

        public string Path => folder["checkpoint.safetensors"];

        public void Dispose()
        {
            Data.Dispose();
            folder.Dispose();
        }
    }
}
