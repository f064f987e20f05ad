using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Tests.Training;
using MnistCnn.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runs;

/// <summary>A network with auxiliary classifiers and dropout: how it learns, what its files hold, and how it goes on.</summary>
[Trait("Speed", "Slow")]
public sealed class AuxiliaryClassifierTests : IDisposable
{
    private static readonly Architecture GoogLeNet = Architecture.Find("googlenet")!;

    // Three steps of an epoch, the last of five images.
    private static readonly TrainSettings Settings = new() { Architecture = Architecture.Find("googlenet")!, Epochs = 2, BatchSize = 6, LearningRate = 1e-3 };

    private readonly TemporaryFolder folder = new();
    private readonly DataSet data = RandomData.Of(new NetworkShape(1, 16, 16, 3), train: 17, test: 4);

    public void Dispose()
    {
        data.Dispose();
        folder.Dispose();
    }

    // In torchvision with 0.3 times the loss of each auxiliary classifier; without dropout, since each build of torch draws other numbers
    // for that. In PyTorch, another layout in memory moves this loss by 8e-6 and the next by 0.01, and so does a ten-millionth more or
    // less in each weight: where maps have one pixel, batch normalisation makes rounding that large.
    [Fact]
    public void The_first_loss_is_torchvision_s()
    {
        var fixture = TorchvisionFixture.Read("googlenet");
        using var mnist = IdxReader.Load(IdxReader.BundledMnist, testLimit: 1);
        using var trainer = Trainer.Create(new TrainSettings { Architecture = Architecture.Find("googlenet")!, Seed = fixture.Seed }, mnist, CPU);
        foreach (var dropout in trainer.Model.modules().OfType<Dropout>())
            dropout.p = 0;
        using var enough = new CancellationTokenSource();
        var losses = new Recorder(_ => enough.Cancel());
        Assert.Throws<OperationCanceledException>(() => trainer.Fit([losses], enough.Token));
        Assert.Equal(fixture.TrainLosses.Single(), losses.Steps.Single().Loss, 1e-4);
    }

    [Fact]
    public void All_of_it_learns_and_the_weights_are_those_of_the_network_alone()
    {
        using var run = TrainingRun.Start(new TrainingRequest(Settings with { Epochs = 1 }, data, CPU) { Folder = folder["run"] });
        var before = run.Trainer.Model.named_parameters().ToDictionary(named => named.name, named => named.parameter.clone());
        Assert.True(run.Train([], TestContext.Current.CancellationToken));
        Assert.All(run.Trainer.Model.named_parameters(), named => Assert.False(before[named.name].equal(named.parameter).all().item<bool>(), named.name));

        using var checkpoint = SafetensorsFile.Read(folder["run/checkpoint.safetensors"]);
        Assert.Contains("weights.aux1.fc2.bias", checkpoint.Tensors.Keys);
        Assert.Contains("momentum.aux2.conv.conv.weight", checkpoint.Tensors.Keys);
        using var weights = SafetensorsFile.Read(folder["run/model.safetensors"]);
        using var alone = GoogLeNet.CreateOnMeta(TrainableModel.ShapeOf(data));
        Assert.Equal(alone.state_dict().Keys, weights.Tensors.Keys);
        Assert.Equal(alone.parameters().Sum(parameter => parameter.numel()), run.Folder.Info.Parameters);
        Assert.Equal(before.Values.Sum(parameter => parameter.numel()), run.Folder.Info.Parameters + run.Folder.Info.AuxiliaryParameters);
    }

    // Stopped after the first step, in the middle, and after the last, where only the evaluation is left.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(2, 2)]
    public void A_run_that_goes_on_ends_with_the_same_bytes_though_dropout_draws_in_each_step(int epoch, int step)
    {
        var whole = new Recorder();
        using (var run = TrainingRun.Start(new TrainingRequest(Settings, data, CPU) { Folder = folder["whole"] }))
            Assert.True(run.Train([whole], TestContext.Current.CancellationToken));

        var path = folder["checkpoint"];
        var first = new Recorder();
        using (var trainer = Trainer.Create(Settings, data, CPU))
        using (var enough = new CancellationTokenSource())
        {
            var stopper = new Recorder(metrics =>
            {
                if ((metrics.Epoch, metrics.Step) != (epoch, step))
                    return;
                Checkpoint.Write(path, trainer, RunData.Of(data), "run");
                enough.Cancel();
            });
            Assert.ThrowsAny<OperationCanceledException>(() => trainer.Fit([first, stopper], enough.Token));
        }

        manual_seed(99);
        var second = new Recorder();
        using (var checkpoint = Checkpoint.Read(path))
        using (var run = TrainingRun.Resume(new TrainingRequest(Settings, data, CPU) { Folder = folder["resumed"] }, checkpoint))
            Assert.True(run.Train([second], TestContext.Current.CancellationToken));
        var done = (epoch - 1) * 3 + step;
        Assert.Equal(whole.Steps, [.. first.Steps.Take(done), .. second.Steps]);
        Assert.Equal(File.ReadAllBytes(folder["whole/model.safetensors"]), File.ReadAllBytes(folder["resumed/model.safetensors"]));
        using SafetensorsFile one = SafetensorsFile.Read(folder["whole/checkpoint.safetensors"]), other = SafetensorsFile.Read(folder["resumed/checkpoint.safetensors"]);
        Assert.Equal(one.Tensors.Keys, other.Tensors.Keys);
        foreach (var (key, tensor) in one.Tensors.Where(tensor => tensor.Key != "state")) // that has times
            Assert.Equal(tensor.bytes.ToArray(), other.Tensors[key].bytes.ToArray());
    }

    // As a run writes one before its first step, which may be the last that it does before it is killed.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_checkpoint_that_is_written_before_the_first_step_is_the_one_that_was_read(int step)
    {
        using (var trainer = Trainer.Create(Settings, data, CPU))
        using (var enough = new CancellationTokenSource())
        {
            var stopper = new Recorder(metrics =>
            {
                if (metrics.Step == step)
                    enough.Cancel();
            });
            Assert.ThrowsAny<OperationCanceledException>(() => trainer.Fit([stopper], enough.Token));
            Checkpoint.Write(folder["read"], trainer, RunData.Of(data), "run");
        }

        using (var checkpoint = Checkpoint.Read(folder["read"]))
        using (var trainer = Trainer.Create(Settings, data, CPU))
        {
            checkpoint.Restore(trainer);
            Checkpoint.Write(folder["written"], trainer, RunData.Of(data), "run");
        }

        Assert.Equal(File.ReadAllBytes(folder["read"]), File.ReadAllBytes(folder["written"]));
    }

    [Fact]
    public void Only_where_the_steps_draw_a_checkpoint_has_their_random_state_and_there_it_must()
    {
        foreach (var (name, hasState) in new[] { ("plain", false), ("googlenet", true) })
        {
            var architecture = Architecture.Find(name)!;
            var settings = Settings with { Architecture = Architecture.Find(name)! };
            using var trainer = Trainer.Create(settings, data, CPU);
            using var enough = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => trainer.Fit([new Recorder(_ => enough.Cancel())], enough.Token));
            Checkpoint.Write(folder[name], trainer, RunData.Of(data), "run");
            using var file = SafetensorsFile.Read(folder[name]);
            Assert.Equal(hasState, file.Tensors.ContainsKey("step_random_state"));
        }

        using (var file = SafetensorsFile.Read(folder["googlenet"]))
            (file with { Tensors = file.Tensors.Where(tensor => tensor.Key != "step_random_state").ToDictionary() }).Write(folder["less"]);
        using var checkpoint = Checkpoint.Read(folder["less"]);
        using var other = Trainer.Create(Settings, data, CPU);
        Assert.Contains("step_random_state is missing", Assert.Throws<InvalidDataException>(() => checkpoint.Restore(other)).Message);
    }

    // As torchvision's file, with all of the names that its network has.
    [Fact]
    public void Weights_with_side_classifiers_are_those_of_the_network_alone_to_all_who_use_it()
    {
        using var network = Written(NetworkShape.Mnist, forTraining: true);
        network.eval();
        using var trained = TrainedNetwork.Load(folder["weights"]);
        trained.Network.eval();
        using var noGradient = no_grad();
        var images = randn(2, 1, 28, 28);
        Assert.Equal("googlenet", trained.Architecture.Name);
        Assert.DoesNotContain(trained.Network.state_dict().Keys, name => name.StartsWith("aux", StringComparison.Ordinal));
        Assert.Equal(network.call(images).data<float>().ToArray(), trained.Network.call(images).data<float>().ToArray());
    }

    [Theory]
    [InlineData(3, true)]
    [InlineData(3, false, "The auxiliary classifiers, which exist only during training, keep their random initial weights: FILE has none.")]
    [InlineData(
        1000,
        true,
        "The last layer, fc, keeps its random initial weights: fc.weight is 1000x1024 in FILE, and 3x1024 in this network.",
        "The auxiliary classifiers, which exist only during training, keep their random initial weights: those in FILE are of other classes.")]
    public void A_run_starts_from_weights_with_and_without_side_classifiers_and_says_what_starts_anew(int classes, bool hasAuxiliary, params string[] expected)
    {
        using var network = Written(new NetworkShape(1, 224, 224, classes), hasAuxiliary);
        using var fresh = Trainer.Create(Settings, data, CPU);
        using var run = TrainingRun.Start(new TrainingRequest(Settings, data, CPU) { Folder = folder["run"], InitialWeights = folder["weights"] });
        Assert.Equal(expected.Select(note => note.Replace("FILE", folder["weights"])), run.InitNotes);
        var weights = network.state_dict();
        foreach (var (name, tensor) in run.Trainer.Model.state_dict())
        {
            var isFresh = (name.StartsWith("fc.", StringComparison.Ordinal) && classes != 3)
                || (name.StartsWith("aux", StringComparison.Ordinal) && (classes != 3 || !hasAuxiliary));
            var source = isFresh ? fresh.Model.state_dict()[name] : weights[name];
            Assert.True(tensor.equal(source).all().item<bool>(), name);
        }
    }

    // Their gradient would reach frozen layers alone.
    [Fact]
    public void A_frozen_network_has_no_side_classifiers()
    {
        using var network = Written(new NetworkShape(1, 16, 16, 3), forTraining: true);
        using var run = TrainingRun.Start(new TrainingRequest(Settings with { Freeze = true }, data, CPU) { Folder = folder["run"], InitialWeights = folder["weights"] });
        Assert.Equal((0, 0), (run.InitNotes.Count, Layers.AuxiliaryParameterCount(run.Trainer.Model)));
        Assert.True(run.Train([], TestContext.Current.CancellationToken));
    }

    [Fact]
    public void The_program_trains_it_on_pictures_and_takes_what_came_of_it_to_every_command()
    {
        SmallPictures.Write(folder["pictures"], ["ant", "bee", "cow"], count: 10);
        string[] train = ["train", "--arch", "googlenet", "--data", "pictures", "--epochs", "1", "--batch-size", "12"];
        Run([.. train, "--image-size", "24x14", "--out", "small"])
            .AssertFailed(1, "This network takes images of 15x15 pixels or more, not of 24x14.");
        Assert.Contains("googlenet, 5,602,979 parameters, and 4,336,134 in auxiliary classifiers", Done([.. train, "--out", "run"]).Output);
        Assert.Contains("GoogLeNet: accuracy", Done("evaluate", "run", "--data", "pictures").Output);
        Assert.Matches(@"^pictures/bee/000.png +(ant|bee|cow) ", Done("predict", "run", "pictures/bee/000.png").Output);
        Assert.StartsWith("GoogLeNet: images (batch, 3, height, width) float32", Done("export", "run").Output);
        Assert.Equal(
            "The auxiliary classifiers, which exist only during training, keep their random initial weights: run/model.safetensors has none.\n",
            Done([.. train, "--init", "run/model.safetensors", "--out", "second"]).Error);
        Assert.Matches(@"Auxiliary classifiers +4,336,134 parameters more while it trains", Done("summary", "--arch", "googlenet", "--data", "pictures").Output);
    }

    private ProgramRun Done(params string[] arguments)
    {
        var run = Run(arguments);
        Assert.True(run.ExitCode == 0, run.Error);
        return run;
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);

    private nn.Module<Tensor, Tensor> Written(NetworkShape shape, bool forTraining)
    {
        manual_seed(77);
        var network = forTraining ? GoogLeNet.CreateForTraining(shape) : GoogLeNet.Create(shape);
        new SafetensorsFile(network.state_dict(), new Dictionary<string, string>()).Write(folder["weights"]);
        return network;
    }
}
