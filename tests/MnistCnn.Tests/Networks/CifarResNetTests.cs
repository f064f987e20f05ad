using MnistCnn.Networks;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Networks;

/// <summary>The networks of section 4.2 of the residual paper.</summary>
public sealed class CifarResNetTests
{
    private static readonly NetworkShape Cifar = new(3, 32, 32, 10);

    // The paper's table 6 has them in millions. By hand, with n blocks per layer and c channels: 16 * 3 * 9 in the first convolution and
    // 2 * 16 in its batch normalization; 2 * (9c² + 2c) in each block, except that the first convolution of the second and the third layer
    // reads half as many channels; 64 * 10 + 10 in the last layer.
    [Theory]
    [InlineData("resnet20", "plain20", 3, 269_722, 0.27)]
    [InlineData("resnet32", "plain32", 5, 464_154, 0.46)]
    [InlineData("resnet44", "plain44", 7, 658_586, 0.66)]
    [InlineData("resnet56", "plain56", 9, 853_018, 0.85)]
    [InlineData("resnet110", null, 18, 1_727_962, 1.7)]
    public void Residual_networks_and_their_plain_twins_have_the_paper_s_number_of_parameters(
        string name, string? twin, int blocks, long parameters, double millions)
    {
        using var model = Architecture.Find(name)!.CreateOnMeta(Cifar);
        Assert.Equal(parameters, model.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(millions, parameters / 1e6, millions < 1 ? 0.005 : 0.05);
        var layers = model.named_parameters().Count(named => named.parameter.dim() > 1);
        Assert.Equal((6 * blocks + 2, int.Parse(name[6..])), (layers, layers));
        var inLayers = new[] { 16, 32, 64 }.Sum(c => 2 * blocks * (9 * c * c + 2 * c) - (c == 16 ? 0 : 9 * c * c / 2));
        var byHand = 16 * 27 + 2 * 16 + inLayers + 650;
        Assert.Equal(parameters, byHand);
        if (twin is null)
            return;
        using var plain = Architecture.Find(twin)!.CreateOnMeta(Cifar);
        Assert.Equal(
            model.state_dict().Select(entry => (entry.Key, string.Join("x", entry.Value.shape))),
            plain.state_dict().Select(entry => (entry.Key, string.Join("x", entry.Value.shape))));
    }

    [Fact]
    public void The_state_dictionary_has_the_names_of_the_ImageNet_networks()
    {
        using var model = Architecture.Find("resnet20")!.CreateOnMeta(Cifar);
        var names = model.state_dict().Keys.ToArray();
        Assert.Equal(
            [
                "conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked",
                "layer1.0.conv1.weight",
            ],
            names[..7]);
        Assert.Equal(["layer3.2.bn2.running_var", "layer3.2.bn2.num_batches_tracked", "fc.weight", "fc.bias"], names[^4..]);
        Assert.Equal(
            ["layer1.0", "layer1.1", "layer1.2", "layer2.0", "layer2.1", "layer2.2", "layer3.0", "layer3.1", "layer3.2"],
            names.Where(name => name.EndsWith(".conv2.weight", StringComparison.Ordinal)).Select(name => name[..^".conv2.weight".Length]));
    }

    [Fact]
    public void A_network_and_its_plain_twin_have_the_same_initial_weights()
    {
        manual_seed(3);
        using var residual = Architecture.Find("resnet20")!.Create();
        manual_seed(3);
        using var plain = Architecture.Find("plain20")!.Create();
        foreach (var ((name, one), (_, other)) in residual.state_dict().Zip(plain.state_dict()))
            Assert.True(one.equal(other).all().item<bool>(), name);
        using var image = rand(2, 1, 28, 28);
        Assert.False(residual.call(image).allclose(plain.call(image)));
    }

    // kaiming_normal_ with fan_out: sqrt(2 / 144), about 0.118, for 16 channels and a 3x3 kernel. PyTorch's default would give 0.048.
    [Fact]
    public void Initial_weights_of_convolutions_have_He_s_standard_deviation()
    {
        manual_seed(1);
        using var model = Architecture.Find("resnet20")!.Create(Cifar);
        foreach (var (name, weight) in model.state_dict().Where(entry => entry.Value.dim() == 4))
            Assert.Equal(1, weight.std().item<float>() / Math.Sqrt(2.0 / (9 * weight.shape[0])), 0.1);
    }

    [Fact]
    public void On_MNIST_the_second_and_the_third_layer_halve_the_feature_maps()
    {
        using var model = Architecture.Find("resnet20")!.Create();
        List<string> shapes = [];
        foreach (var name in new[] { "layer1", "layer2", "layer3" })
        {
            var layer = (TorchSharp.Modules.Sequential)model.named_children().Single(child => child.name == name).module;
            layer.register_forward_hook((_, _, y) =>
            {
                shapes.Add(string.Join("x", y.shape));
                return null!;
            });
        }

        Assert.Equal([2, 10], model.call(rand(2, 1, 28, 28)).shape);
        Assert.Equal(["2x16x28x28", "2x32x14x14", "2x64x7x7"], shapes);
    }

    [Fact]
    public void With_zero_weights_a_strided_block_returns_every_second_pixel_and_channels_of_zeros()
    {
        using var block = new BasicBlock(2, 5, stride: 2, ShortcutKind.ZeroPadding);
        using (no_grad())
            foreach (var parameter in block.parameters())
                parameter.zero_();
        using var x = rand(1, 2, 5, 4);
        using var y = block.call(x);
        Assert.Equal([1, 5, 3, 2], y.shape);
        for (var channel = 0; channel < 5; channel++)
            for (var row = 0; row < 3; row++)
                for (var column = 0; column < 2; column++)
                {
                    var expected = channel < 2 ? x[0, channel, 2 * row, 2 * column].item<float>() : 0;
                    Assert.Equal(expected, y[0, channel, row, column].item<float>());
                }
    }
}
