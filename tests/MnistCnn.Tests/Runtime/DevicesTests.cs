using MnistCnn.Runtime;
using TorchSharp;

namespace MnistCnn.Tests.Runtime;

public sealed class DevicesTests
{
    [Theory]
    [InlineData("auto", true)]
    [InlineData("cpu", true)]
    [InlineData("cuda", true)]
    [InlineData("cuda:1", true)]
    [InlineData("mps", true)]
    [InlineData("cuda:", false)]
    [InlineData("cuda:x", false)]
    [InlineData("gpu", false)]
    [InlineData("", false)]
    public void Names_are_told_apart(string name, bool isName) => Assert.Equal(isName, Devices.IsName(name));

    [Fact]
    public void Auto_takes_the_best_there_is()
    {
        var expected = torch.cuda.is_available() ? DeviceType.CUDA : torch.mps_is_available() ? DeviceType.MPS : DeviceType.CPU;
        Assert.Equal(expected, Devices.Get("auto").type);
        Assert.Equal(DeviceType.CPU, Devices.Get("cpu").type);
    }

    [Fact]
    public void A_device_that_is_not_there_is_named() =>
        Assert.Contains("cuda:88", Assert.Throws<UserException>(() => Devices.Get("cuda:88")).Message);
}
