using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runtime;

public sealed class MemoryLayoutTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("inception")]
    [InlineData("residual")]
    public void Channels_last_changes_neither_weights_nor_outputs_nor_files(string name)
    {
        manual_seed(1);
        using var usual = Architecture.Find(name)!.Create();
        manual_seed(1);
        using var other = MemoryLayout.ChannelsLast(Architecture.Find(name)!.Create());
        var weight = other.modules().OfType<Conv2d>().Last().weight!;
        Assert.Equal([weight.numel() / weight.shape[0], 1, weight.shape[3] * weight.shape[1], weight.shape[1]], weight.stride());

        foreach (var (key, expected) in usual.state_dict())
            Assert.Equal(expected.data<float>().ToArray(), other.state_dict()[key].contiguous().data<float>().ToArray());
        var images = randn(5, 1, 28, 28);
        foreach (var (expected, actual) in usual.call(images).data<float>().Zip(other.call(images).contiguous().data<float>()))
            Assert.Equal(expected, actual, 1e-4f);

        new SafetensorsFile(usual.state_dict(), new Dictionary<string, string>()).Write(folder["usual"]);
        new SafetensorsFile(other.state_dict(), new Dictionary<string, string>()).Write(folder["other"]);
        Assert.Equal(File.ReadAllBytes(folder["usual"]), File.ReadAllBytes(folder["other"]));
    }

    [Fact]
    public void Feature_maps_after_the_first_convolution_are_channels_last()
    {
        using var model = MemoryLayout.ChannelsLast(Architecture.Find("residual")!.Create());
        var maps = model.modules().OfType<Conv2d>().First().call(randn(2, 1, 28, 28));
        Assert.Equal(1, maps.stride(1));
    }
}
