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
    public void Device_names_are_recognized(string name, bool isName) => Assert.Equal(isName, Devices.IsName(name));

    [Fact]
    public void Auto_prefers_CUDA_then_MPS_then_the_CPU()
    {
        var expected = torch.cuda.is_available() ? DeviceType.CUDA : torch.mps_is_available() ? DeviceType.MPS : DeviceType.CPU;
        Assert.Equal(expected, Devices.Get("auto").type);
        Assert.Equal(DeviceType.CPU, Devices.Get("cpu").type);
    }

    [Fact]
    public void A_missing_device_is_named_in_the_error() =>
        Assert.Contains("cuda:88", Assert.Throws<UserException>(() => Devices.Get("cuda:88")).Message);

    // Replaces the driver by a library with its three functions, because test machines have no GPU.
    [Fact]
    public void The_product_name_of_a_GPU_comes_from_the_driver()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/cc"), "there is no C compiler to build a driver with");
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["driver.c"], """
            #include <stdio.h>
            static int ready;
            int cuInit(unsigned flags) { ready = flags == 0; return 0; }
            int cuDeviceGet(int *card, int index) { *card = index + 40; return ready && index < 2 ? 0 : 101; }
            int cuDeviceGetName(char *name, int size, int card) { return snprintf(name, size, "NVIDIA H%d", card) < 0; }
            int cuDeviceTotalMem_v2(size_t *bytes, int card) { *bytes = 80500000000; return card > 40; }
            static int started;
            int nvmlInit_v2() { started = 1; return 0; }
            int nvmlSystemGetDriverVersion(char *text, unsigned size) { snprintf(text, size, "580.65"); return !started; }
            """);
        string[] arguments = ["-shared", "-fPIC", "-o", folder["driver.so"], folder["driver.c"]];
        using (var compiler = System.Diagnostics.Process.Start("/usr/bin/cc", arguments))
            compiler.WaitForExit();
        var driver = folder["driver.so"];
        Assert.Equal("NVIDIA H40, 80.5 GB, driver 580.65", Devices.DescribeCard(0, driver, driver));
        Assert.Equal("NVIDIA H41, driver 580.65", Devices.DescribeCard(1, driver, driver));
        Assert.Equal("NVIDIA H40, 80.5 GB", Devices.DescribeCard(0, driver, "no-such-library"));
        Assert.Null(Devices.DescribeCard(2, driver, driver));
    }

    [Theory]
    [InlineData("no-such-driver")]
    [InlineData("libc.so.6")]
    [InlineData("kernel32")]
    public void A_GPU_without_a_driver_has_no_product_name(string driver) => Assert.Null(Devices.DescribeCard(0, driver, driver));
}
