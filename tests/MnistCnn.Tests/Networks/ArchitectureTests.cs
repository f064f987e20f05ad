using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Networks;

public sealed class ArchitectureTests
{
    [Theory]
    [InlineData("inception", 97_298)]
    [InlineData("residual", 41_514)]
    [InlineData("residual-as-printed", 41_514)]
    [InlineData("plain", 8_490)]
    public void The_article_s_networks_have_the_article_s_number_of_parameters(string name, long parameters)
    {
        using var model = Architecture.Find(name)!.Create();
        Assert.Equal(parameters, model.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal([3, 10], model.call(zeros(3, 1, 28, 28)).shape);
    }

    [Theory]
    [MemberData(nameof(Fixture.Names), MemberType = typeof(Fixture))]
    public void Initial_weights_equal_PyTorch_s_bit_for_bit(string name)
    {
        var fixture = Fixture.Read(name);
        manual_seed(fixture.Seed);
        using var model = Architecture.Find(name)!.Create();
        var weights = model.state_dict();
        using var file = SafetensorsFile.Read(Fixture.WeightsOf(name));
        Assert.Equal(file.Tensors.Keys, weights.Keys);
        foreach (var (key, expected) in file.Tensors)
        {
            Assert.Equal(expected.shape, weights[key].shape);
            Assert.InRange((weights[key] - expected).abs().max().item<float>(), 0, Fixture.WeightTolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Fixture.Names), MemberType = typeof(Fixture))]
    public void Logits_equal_PyTorch_s(string name)
    {
        var fixture = Fixture.Read(name);
        manual_seed(fixture.Seed);
        using var model = Architecture.Find(name)!.Create();
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1, testLimit: fixture.TestLogits.Length);
        var logits = model.call(data.Normalization.Apply(data.Test.Images)).data<float>().ToArray();
        Assert.Equal(fixture.TestLogits.Length * 10, logits.Length);
        foreach (var (expected, actual) in fixture.TestLogits.SelectMany(row => row).Zip(logits))
            Assert.Equal(expected, actual, 1e-5f);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_residual_block_with_zero_weights_returns_its_input(bool asPrinted)
    {
        using var block = new ResidualBlock(4, asPrinted);
        using (no_grad())
            foreach (var parameter in block.parameters())
                parameter.zero_();
        var x = rand(2, 4, 5, 5);
        Assert.Equal(x.data<float>().ToArray(), block.call(x).data<float>().ToArray());
    }

    // Without the deeper residual networks, which have more of the same blocks and take seconds. In the article's listing, the first
    // convolution of each block is unused.
    [Fact]
    [Trait("Speed", "Slow")]
    public void Every_parameter_of_every_network_gets_a_gradient()
    {
        string[] unused = ["rBlock1.conv1.weight", "rBlock1.conv1.bias", "rBlock2.conv1.weight", "rBlock2.conv1.bias"];
        string[] deeper = ["resnet34", "resnet101", "resnet152", "plain34", "resnet44", "resnet56", "resnet110", "plain44", "plain56"];
        foreach (var architecture in Architecture.All.ExceptBy(deeper, architecture => architecture.Name))
        {
            using var model = architecture.Create();
            model.call(randn(4, 1, 28, 28)).square().sum().backward();
            var withoutGradient = model.named_parameters().Where(named => named.parameter.grad is null).Select(named => named.name);
            Assert.Equal(architecture.Name == "residual-as-printed" ? unused : [], withoutGradient);
            Assert.All(
                model.named_parameters().Where(named => named.parameter.grad is not null),
                named => Assert.True(named.parameter.grad!.abs().sum().item<float>() > 0, named.name));
        }
    }

    [Theory]
    [InlineData("Inception", "inception")]
    [InlineData("RESIDUAL", "residual")]
    [InlineData("foo", null)]
    public void Find_ignores_the_case_of_names(string name, string? expected) => Assert.Equal(expected, Architecture.Find(name)?.Name);
}
