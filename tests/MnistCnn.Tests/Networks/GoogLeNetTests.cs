using MnistCnn.Data;
using MnistCnn.Inspection;
using MnistCnn.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Networks;

/// <summary>GoogLeNet, checked against torchvision's.</summary>
public sealed class GoogLeNetTests
{
    private static readonly Architecture Architecture = Architecture.Find("googlenet")!;
    private static readonly NetworkShape ImageNet = new(3, 224, 224, 1000);

    [Theory]
    [InlineData(false, "googlenet", 6_624_904)]
    [InlineData(true, "googlenet with side classifiers", 13_004_888)]
    public void The_state_dictionary_has_torchvision_s_names_shapes_types_and_order(bool forTraining, string name, long parameters)
    {
        var expected = TorchvisionFixture.Read("googlenet").Networks[name];
        using var model = Architecture.CreateOnMeta(ImageNet, forTraining);
        Assert.Equal(parameters, expected.Parameters);
        expected.AssertIs(model);
    }

    [Fact]
    public void Initial_weights_equal_torchvision_s()
    {
        var fixture = TorchvisionFixture.Read("googlenet");
        manual_seed(fixture.Seed);
        using var model = Architecture.CreateForTraining();
        fixture.AssertFreshWeights(model);
    }

    // Batch normalization uses the statistics of the batch here, which amplifies rounding: from one thread to two, logits change by 2e-5.
    [Fact]
    public void In_training_mode_the_logits_of_all_classifiers_equal_torchvision_s()
    {
        var fixture = TorchvisionFixture.Read("googlenet");
        manual_seed(fixture.Seed);
        using var model = Architecture.CreateForTraining();
        foreach (var dropout in model.modules().OfType<Dropout>())
            dropout.p = 0;
        using var noGradient = no_grad();
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1, testLimit: 8);
        var (logits, auxiliaryLogits) = ((IHasAuxiliaryClassifiers)model).ForwardWithAuxiliary(data.Normalization.Apply(data.Test.Images));
        Assert.Equal(2, auxiliaryLogits.Count);
        foreach (var (expected, actual) in fixture.TrainingLogits!.Zip([logits, .. auxiliaryLogits]))
            foreach (var (one, other) in expected.SelectMany(row => row).Zip(actual.data<float>().ToArray()))
                Assert.Equal(one, other, 2e-4f);
    }

    [Fact]
    public void The_logits_do_not_depend_on_the_auxiliary_classifiers()
    {
        using var model = Architecture.CreateForTraining();
        using var alone = Architecture.Create();
        model.eval();
        alone.eval();
        using var noGradient = no_grad();
        var weights = alone.state_dict();
        foreach (var (name, tensor) in model.state_dict().Where(entry => weights.ContainsKey(entry.Key)))
            weights[name].copy_(tensor);
        var images = randn(3, 1, 28, 28);
        var logits = alone.call(images);
        Assert.Equal([3, 10], logits.shape);
        Assert.Equal(logits.data<float>().ToArray(), model.call(images).data<float>().ToArray());
        Assert.Empty(((IHasAuxiliaryClassifiers)alone).ForwardWithAuxiliary(images).AuxiliaryLogits);
        Assert.Equal(["aux1", "aux2"], model.state_dict().Keys.Except(weights.Keys).Select(name => name.Split('.')[0]).Distinct());
    }

    [Fact]
    public void Multiply_adds_equal_torchvision_s_and_the_receptive_field_follows_from_the_kernels()
    {
        var expected = TorchvisionFixture.Read("googlenet").Networks["googlenet"];
        var summary = NetworkSummary.Summarize(Architecture, ImageNet);
        Assert.Equal(expected.Parameters, summary.Parameters);
        Assert.Equal(1_498_376_192, expected.MultiplyAdds);
        Assert.Equal(expected.MultiplyAdds, summary.MultiplyAdds);
        Assert.Equal([], summary.UnusedLayers!);

        // 7 pixels for the first convolution. Each further 3x3 window adds two steps of the feature maps that it reads, a 2x2 window one.
        Assert.Equal(7 + 2 * 2 + 2 * 4 + 2 * 4 + 2 * 2 * 8 + 2 * 8 + 5 * 2 * 16 + 16 + 2 * 2 * 32, summary.ReceptiveField!.Height);
    }

    // Sizes from comments in torchvision's source; pooling rounds up.
    [Fact]
    public void Feature_maps_have_torchvision_s_sizes()
    {
        var summary = NetworkSummary.Summarize(Architecture, ImageNet);
        Assert.Equal([64, 112, 112], Shape("conv1.conv"));
        Assert.Equal([192, 56, 56], Shape("conv3.conv"));
        Assert.Equal([128, 28, 28], Shape("inception3a.branch2.1.conv"));
        Assert.Equal([208, 14, 14], Shape("inception4a.branch2.1.conv"));
        Assert.Equal([320, 7, 7], Shape("inception5a.branch2.1.conv"));
        summary = NetworkSummary.Summarize(Architecture, NetworkShape.Mnist);
        Assert.Equal([192, 7, 7], Shape("conv3.conv"));
        Assert.Equal([192, 3, 3], Shape("inception3b.branch2.1.conv"));
        Assert.Equal([208, 1, 1], Shape("inception4a.branch2.1.conv"));

        long[] Shape(string layer) => [.. summary.Layers.Single(row => row.Name == layer).OutputShape];
    }

    [Theory]
    [InlineData(15, 15)]
    [InlineData(15, 40)]
    public void The_smallest_images_can_be_classified(int height, int width)
    {
        using var model = Architecture.Create(new NetworkShape(3, height, width, 7));
        model.eval();
        Assert.Equal([2, 7], model.call(randn(2, 3, height, width)).shape);
    }

    [Theory]
    [InlineData(14, 15)]
    [InlineData(28, 14)]
    public void Smaller_images_fail_with_the_smallest_size(int height, int width)
    {
        var message = Assert.Throws<ArgumentException>(() => Architecture.Create(new NetworkShape(1, height, width, 10))).Message;
        Assert.Equal($"This network takes images of 15x15 pixels or more, not of {height}x{width}.", message);
    }
}
