using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests.Networks;

/// <summary>The residual networks for ImageNet, checked against torchvision's.</summary>
public sealed class ResNetTests
{
    [Theory]
    [InlineData("resnet18", 11_689_512)]
    [InlineData("resnet34", 21_797_672)]
    [InlineData("resnet50", 25_557_032)]
    [InlineData("resnet101", 44_549_160)]
    [InlineData("resnet152", 60_192_808)]
    public void The_state_dictionary_has_torchvision_s_names_shapes_types_and_order(string name, long parameters)
    {
        var expected = TorchvisionFixture.Read("resnet").Networks[name];
        using var model = Architecture.Find(name)!.CreateOnMeta(new NetworkShape(3, 224, 224, 1000));
        Assert.Equal(parameters, expected.Parameters);
        expected.AssertIs(model);
    }

    [Theory]
    [InlineData("plain18", "resnet18")]
    [InlineData("plain34", "resnet34")]
    public void Plain_networks_have_the_layers_of_their_residual_twins_except_the_projections(string name, string twin)
    {
        using var model = Architecture.Find(name)!.CreateOnMeta();
        using var residual = Architecture.Find(twin)!.CreateOnMeta();
        Assert.Equal(residual.state_dict().Keys.Where(key => !key.Contains("downsample")), model.state_dict().Keys);

        using var block = Fill(new BasicBlock(4, 4, stride: 1, ShortcutKind.None), 0);
        Assert.Equal(0, block.call(rand(2, 4, 5, 5)).abs().max().item<float>());
    }

    [Fact]
    public void A_block_with_zero_weights_returns_its_input()
    {
        using var basic = Fill(new BasicBlock(4, 4, stride: 1, ShortcutKind.Projection), 0);
        using var bottleneck = Fill(new BottleneckBlock(16, 4, stride: 1), 0);
        foreach (var (block, x) in new[] { (basic, rand(2, 4, 5, 5)), (bottleneck, rand(2, 16, 5, 5)) })
            Assert.Equal(x.data<float>().ToArray(), block.call(x).data<float>().ToArray());
    }

    [Fact]
    public void The_shortcut_projects_its_input_to_the_shape_of_the_output()
    {
        using var basic = new BasicBlock(4, 8, stride: 2, ShortcutKind.Projection);
        Assert.Equal([2, 8, 3, 4], basic.call(rand(2, 4, 5, 7)).shape);
        using var bottleneck = new BottleneckBlock(4, 8, stride: 2);
        Assert.Equal([2, 32, 3, 4], bottleneck.call(rand(2, 4, 5, 7)).shape);
    }

    [Fact]
    public void Initial_weights_equal_torchvision_s()
    {
        var fixture = TorchvisionFixture.Read("resnet");
        manual_seed(fixture.Seed);
        using var model = Architecture.Find("resnet18")!.Create();
        fixture.AssertFreshWeights(model);
    }

    // The weights are evaluated after they were written to a file and read back. Batch normalization amplifies rounding: in PyTorch, with
    // another memory layout or one thread instead of two, these logits differ by 0.0015, and the loss of the next step by 0.003. The
    // running statistics of the step change the logits by 0.36.
    [Fact]
    public void The_first_loss_and_the_logits_after_one_step_equal_torchvision_s()
    {
        var fixture = TorchvisionFixture.Read("resnet");
        using var folder = new TemporaryFolder();
        using var data = IdxReader.Load(IdxReader.BundledMnist, testLimit: fixture.TestLogits!.Length);
        var settings = new TrainSettings { Architecture = Architecture.Find("resnet18")!, Seed = fixture.Seed };
        using var trainer = Trainer.Create(settings, data, CPU);
        using var enough = new CancellationTokenSource();
        List<double> losses = [];
        var observer = new StepObserver(step =>
        {
            losses.Add(step.Loss);
            if (step.Step == fixture.TrainLosses.Length)
                enough.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => trainer.Fit([observer], enough.Token));
        Assert.Equal(fixture.TrainLosses.Length, losses.Count);
        foreach (var (expected, actual) in fixture.TrainLosses.Zip(losses))
            Assert.Equal(expected, actual, 1e-5);

        new SafetensorsFile(trainer.Model.state_dict(), new Dictionary<string, string>()).Write(folder["model.safetensors"]);
        using var trained = TrainedNetwork.Load(folder["model.safetensors"]);
        using (var model = trained.Network)
        {
            Assert.Equal("resnet18", trained.Architecture.Name);
            Assert.Equal(fixture.TrainLosses.Length, model.state_dict()["bn1.num_batches_tracked"].item<long>());
            model.eval();
            using var noGradient = no_grad();
            var logits = model.call(data.Normalization.Apply(data.Test.Images)).data<float>().ToArray();
            Assert.Equal(fixture.TestLogits.Length * 10, logits.Length);
            foreach (var (expected, actual) in fixture.TestLogits.SelectMany(row => row).Zip(logits))
                Assert.Equal(expected, actual, 5e-3f);
        }
    }

    private static Module<Tensor, Tensor> Fill(Module<Tensor, Tensor> module, double number)
    {
        using var noGradient = no_grad();
        foreach (var parameter in module.parameters())
            parameter.fill_(number);
        return module;
    }

    private sealed class StepObserver(Action<StepMetrics> onStep) : ITrainingCallback
    {
        public void OnStepEnd(StepMetrics step) => onStep(step);

        public void OnEpochEnd(EpochMetrics epoch)
        {
        }
    }
}
