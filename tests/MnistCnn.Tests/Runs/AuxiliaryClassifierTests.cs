using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Tests.Training;
using MnistCnn.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runs;

/// <summary>Training, files and resuming of a network with auxiliary classifiers and dropout.</summary>
[Trait("Speed", "Slow")]
public sealed class AuxiliaryClassifierTests : IDisposable
{
    private const string AuxiliaryNote =
        "The auxiliary classifiers, which exist only during training, keep their random initial weights";

    private static readonly Architecture GoogLeNet = Architecture.Find("googlenet")!;

    // Three steps of an epoch, the last of five images.
    private static readonly TrainSettings Settings = new() { Architecture = GoogLeNet, Epochs = 2, BatchSize = 6, LearningRate = 1e-3 };

    private readonly TemporaryFolder folder = new();
    private readonly DataSet data = RandomData.Of(new NetworkShape(1, 16, 16, 3), train: 17, test: 4);

    public void Dispose()
    {
        data.Dispose();
        folder.Dispose();
    }

    // The auxiliary losses have the weight 0.3. Dropout is off, because its random numbers depend on the build of torch. Even in PyTorch,
    // another memory layout changes this loss by 8e-6 and the next by 0.01: batch normalization of single pixels amplifies rounding.
    [Fact]
    public void The_first_loss_equals_torchvision_s()
    {
        var fixture = TorchvisionFixture.Read("googlenet");
        using var mnist = IdxReader.Load(IdxReader.BundledMnist, testLimit: 1);
        using var trainer = Trainer.Create(new TrainSettings { Architecture = GoogLeNet, Seed = fixture.Seed }, mnist, CPU);
        foreach (var dropout in trainer.Model.modules().OfType<Dropout>())
            dropout.p = 0;
        using var enough = new CancellationTokenSource();
        var losses = new Recorder(_ => enough.Cancel());
        Assert.Throws<OperationCanceledException>(() => trainer.Fit([losses], enough.Token));
        Assert.Equal(fixture.TrainLosses.Single(), losses.Steps.Single().Loss, 1e-4);
    }

    [Fact]
    public void All_parameters_are_trained_and_the_weights_exclude_auxiliary_classifiers()
    {
        using var run = TrainingRun.Create(new TrainingRequest(Settings with { Epochs = 1 }, data, CPU) { Folder = folder["run"] });
        var before = run.Trainer.Model.named_parameters().ToDictionary(named => named.name, named => named.parameter.clone());
        Assert.True(run.Train([], TestContext.Current.CancellationToken));
        foreach (var (name, parameter) in run.Trainer.Model.named_parameters())
            Assert.False(before[name].equal(parameter).all().item<bool>(), name);

        using var checkpoint = SafetensorsFile.Read(folder["run/checkpoint.safetensors"]);
        Assert.Contains("weights.aux1.fc2.bias", checkpoint.Tensors.Keys);
        Assert.Contains("momentum.aux2.conv.conv.weight", checkpoint.Tensors.Keys);
        using var weights = SafetensorsFile.Read(folder["run/model.safetensors"]);
        using var alone = GoogLeNet.CreateOnMeta(TrainableModel.ShapeOf(data));
        Assert.Equal(alone.state_dict().Keys, weights.Tensors.Keys);
        Assert.Equal(alone.parameters().Sum(parameter => parameter.numel()), run.Folder.Info.Parameters);
        Assert.Equal(before.Values.Sum(parameter => parameter.numel()), run.Folder.Info.Parameters + run.Folder.Info.AuxiliaryParameters);
    }

    // Stops after the first step, after the last step, before the evaluation, and in the middle of an epoch.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(2, 2)]
    public void A_resumed_run_with_dropout_ends_with_the_same_bytes(int epoch, int step)
    {
        var whole = new Recorder();
        using (var run = TrainingRun.Create(new TrainingRequest(Settings, data, CPU) { Folder = folder["whole"] }))
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
        using (var run = TrainingRun.Create(new TrainingRequest(Settings, data, CPU) { Folder = folder["resumed"] }, checkpoint))
            Assert.True(run.Train([second], TestContext.Current.CancellationToken));
        var done = (epoch - 1) * 3 + step;
        Assert.Equal(whole.Steps, [.. first.Steps.Take(done), .. second.Steps]);
        Assert.Equal(File.ReadAllBytes(folder["whole/model.safetensors"]), File.ReadAllBytes(folder["resumed/model.safetensors"]));
        using var one = SafetensorsFile.Read(folder["whole/checkpoint.safetensors"]);
        using var other = SafetensorsFile.Read(folder["resumed/checkpoint.safetensors"]);
        Assert.Equal(one.Tensors.Keys, other.Tensors.Keys);
        foreach (var (key, tensor) in one.Tensors.Where(tensor => tensor.Key != "state")) // it contains times
            Assert.Equal(tensor.bytes.ToArray(), other.Tensors[key].bytes.ToArray());
    }

    // A run writes a checkpoint before its first step, and may be killed after it.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_checkpoint_that_is_written_directly_after_resuming_equals_the_one_that_was_read(int step)
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
    public void Checkpoints_of_networks_with_dropout_and_only_those_have_the_random_state_of_the_step()
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

    // torchvision's file contains the auxiliary classifiers.
    [Fact]
    public void Loading_ignores_auxiliary_classifiers_in_a_file()
    {
        using var network = CreateAndWrite(NetworkShape.Mnist, forTraining: true);
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
    [InlineData(3, false, $"{AuxiliaryNote}: FILE has none.")]
    [InlineData(
        1000,
        true,
        "The last layer, fc, keeps its random initial weights: fc.weight is 1000x1024 in FILE, and 3x1024 in this network.",
        $"{AuxiliaryNote}: those in FILE are of other classes.")]
    public void Initial_weights_may_lack_auxiliary_classifiers(int classes, bool hasAuxiliary, params string[] expected)
    {
        using var network = CreateAndWrite(new NetworkShape(1, 224, 224, classes), hasAuxiliary);
        using var initial = Trainer.Create(Settings, data, CPU);
        using var run = Start(Settings);
        Assert.Equal(expected.Select(note => note.Replace("FILE", folder["weights"])), run.InitNotes);
        var weights = network.state_dict();
        foreach (var (name, tensor) in run.Trainer.Model.state_dict())
        {
            var isInitial = (name.StartsWith("fc.", StringComparison.Ordinal) && classes != 3)
                || (name.StartsWith("aux", StringComparison.Ordinal) && (classes != 3 || !hasAuxiliary));
            var source = isInitial ? initial.Model.state_dict()[name] : weights[name];
            Assert.True(tensor.equal(source).all().item<bool>(), name);
        }
    }

    // Their gradients would reach frozen layers only.
    [Fact]
    public void A_frozen_network_has_no_auxiliary_classifiers()
    {
        using var network = CreateAndWrite(new NetworkShape(1, 16, 16, 3), forTraining: true);
        using var run = Start(Settings with { Freeze = true });
        Assert.Equal((0, 0), (run.InitNotes.Count, Layers.AuxiliaryParameterCount(run.Trainer.Model)));
        Assert.True(run.Train([], TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Commands_train_evaluate_predict_and_summarize_GoogLeNet()
    {
        SmallPictures.Write(folder["pictures"], ["ant", "bee", "cow"], count: 10);
        string[] train = ["train", "--arch", "googlenet", "--data", "pictures", "--epochs", "1", "--batch-size", "12"];
        Run([.. train, "--image-size", "24x14", "--out", "small"])
            .AssertFailed(1, "This network takes images of 15x15 pixels or more, not of 24x14.");
        Assert.Contains("googlenet, 5,602,979 parameters, and 4,336,134 in auxiliary classifiers", Done([.. train, "--out", "run"]).Output);
        Assert.Contains("GoogLeNet: accuracy", Done("evaluate", "run", "--data", "pictures").Output);
        Assert.Matches(@"^pictures/bee/000.png +(ant|bee|cow) ", Done("predict", "run", "pictures/bee/000.png").Output);
        Assert.Equal(
            $"{AuxiliaryNote}: {folder["run/model.safetensors"]} has none.\n",
            Done([.. train, "--init", "run/model.safetensors", "--out", "second"]).Error);
        var summary = Done("summary", "--arch", "googlenet", "--data", "pictures").Output;
        Assert.Matches(@"Auxiliary classifiers +4,336,134 parameters, only in training", summary);
    }

    private TrainingRun Start(TrainSettings settings) =>
        TrainingRun.Create(new TrainingRequest(settings, data, CPU) { Folder = folder["run"], InitialWeights = folder["weights"] });

    private ProgramRun Done(params string[] arguments)
    {
        var run = Run(arguments);
        Assert.True(run.ExitCode == 0, run.Error);
        return run;
    }

    private ProgramRun Run(params string[] arguments) => ProgramRun.Of(folder.FullPath, arguments);

    private nn.Module<Tensor, Tensor> CreateAndWrite(NetworkShape shape, bool forTraining)
    {
        manual_seed(77);
        var network = forTraining ? GoogLeNet.CreateForTraining(shape) : GoogLeNet.Create(shape);
        new SafetensorsFile(network.state_dict(), new Dictionary<string, string>()).Write(folder["weights"]);
        return network;
    }
}
