using MnistCnn.Networks;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Networks;

/// <summary>The networks of section 4.2 of the residual paper.</summary>
public sealed class CifarResNetTests
{
    private static readonly NetworkShape Cifar = new(3, 32, 32, 10);

    // The paper's table 6 has them in millions: 0.27, 0.46, 0.66, 0.85 and 1.7. By hand, with n blocks a layer and c channels: the
    // first convolution 16 * 3 * 9, its normalisation 2 * 16; of each layer a block's two convolutions 2 * (9c² + 2c), but those
    // of the second and third begin with half of the channels; the last layer 64 * 10 + 10.
    [Theory]
    [InlineData("resnet20", "plain20", 3, 269_722, 0.27)]
    [InlineData("resnet32", "plain32", 5, 464_154, 0.46)]
    [InlineData("resnet44", "plain44", 7, 658_586, 0.66)]
    [InlineData("resnet56", "plain56", 9, 853_018, 0.85)]
    [InlineData("resnet110", null, 18, 1_727_962, 1.7)]
    public void The_number_of_parameters_is_the_paper_s_and_a_plain_twin_has_as_many(string name, string? twin, int blocks, long parameters, double millions)
    {
        using var model = Architecture.Find(name)!.CreateOnMeta(Cifar);
        Assert.Equal(parameters, model.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(millions, parameters / 1e6, millions < 1 ? 0.005 : 0.05);
        var layers = model.named_parameters().Count(named => named.parameter.dim() > 1);
        Assert.Equal((6 * blocks + 2, int.Parse(name[6..])), (layers, layers));
        var byHand = 16 * 27 + 2 * 16 + new[] { 16, 32, 64 }.Sum(c => 2 * blocks * (9 * c * c + 2 * c) - (c == 16 ? 0 : 9 * c * c / 2)) + 650;
        Assert.Equal(parameters, byHand);
        if (twin is null)
            return;
        using var plain = Architecture.Find(twin)!.CreateOnMeta(Cifar);
        Assert.Equal(
            model.state_dict().Select(entry => (entry.Key, string.Join("x", entry.Value.shape))),
            plain.state_dict().Select(entry => (entry.Key, string.Join("x", entry.Value.shape))));
    }

    [Fact]
    public void The_names_are_those_of_the_larger_residual_networks()
    {
        using var model = Architecture.Find("resnet20")!.CreateOnMeta(Cifar);
        var names = model.state_dict().Keys.ToArray();
        Assert.Equal(["conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked", "layer1.0.conv1.weight"], names[..7]);
        Assert.Equal(["layer3.2.bn2.running_var", "layer3.2.bn2.num_batches_tracked", "fc.weight", "fc.bias"], names[^4..]);
        Assert.Equal(
            ["layer1.0", "layer1.1", "layer1.2", "layer2.0", "layer2.1", "layer2.2", "layer3.0", "layer3.1", "layer3.2"],
            names.Where(name => name.EndsWith(".conv2.weight", StringComparison.Ordinal)).Select(name => name[..^".conv2.weight".Length]));
    }

    [Fact]
    public void With_one_seed_a_network_and_its_plain_twin_have_the_same_weights()
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

    // After K. He et al. of fan out: of 16 maps and a 3x3 window sqrt(2 / 144), about 0.118; torch's own would be 0.048.
    [Fact]
    public void Convolutions_start_with_the_deviation_of_He()
    {
        manual_seed(1);
        using var model = Architecture.Find("resnet20")!.Create(Cifar);
        foreach (var (name, weight) in model.state_dict().Where(entry => entry.Value.dim() == 4))
            Assert.Equal(1, weight.std().item<float>() / Math.Sqrt(2.0 / (9 * weight.shape[0])), 0.1);
    }

    [Fact]
    public void On_MNIST_the_maps_become_half_as_large_twice()
    {
        using var model = Architecture.Find("resnet20")!.Create();
        List<string> shapes = [];
        foreach (var name in new[] { "layer1", "layer2", "layer3" })
            ((TorchSharp.Modules.Sequential)model.named_children().Single(child => child.name == name).module).register_forward_hook((_, _, y) =>
            {
                shapes.Add(string.Join("x", y.shape));
                return null!;
            });
        Assert.Equal([2, 10], model.call(rand(2, 1, 28, 28)).shape);
        Assert.Equal(["2x16x28x28", "2x32x14x14", "2x64x7x7"], shapes);
    }

    [Fact]
    public void A_block_without_weights_passes_every_second_pixel_on_with_zeros_behind()
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
                    Assert.Equal(channel < 2 ? x[0, channel, 2 * row, 2 * column].item<float>() : 0, y[0, channel, row, column].item<float>());
    }
}
