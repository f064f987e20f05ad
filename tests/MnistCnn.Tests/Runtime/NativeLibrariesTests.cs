using System.Runtime.InteropServices;
using MnistCnn.Runtime;
using TorchSharp;

namespace MnistCnn.Tests.Runtime;

public sealed partial class NativeLibrariesTests
{
    [Fact]
    public void Libtorch_loads_without_a_second_copy_beside_the_program()
    {
        NativeLibraries.Load();
        Assert.Equal(6, torch.ones(2, 3).sum().item<float>());
        Assert.False(Directory.Exists(Path.Combine(AppContext.BaseDirectory, "cpu")));
    }

    [Fact]
    public void Waiting_threads_of_libgomp_sleep_soon()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libgomp is for Linux");
        NativeLibraries.Load();
        Assert.Equal("1000", Marshal.PtrToStringUTF8(GetNativeVariable("GOMP_SPINCOUNT")));
    }

    [Theory]
    [InlineData("2", false)]
    [InlineData("2, 1", false)]
    [InlineData("abc", true)]
    [InlineData("0", true)]
    [InlineData("2,", true)]
    [InlineData("", true)]
    public void An_invalid_number_of_threads_in_the_environment_is_an_error(string value, bool isInvalid)
    {
        Environment.SetEnvironmentVariable("OMP_NUM_THREADS", value);
        try
        {
            var expected = $"The environment variable OMP_NUM_THREADS is '{value}', which is no number of threads: change or unset it.";
            Assert.Equal(isInvalid ? expected : null, Record.Exception(NativeLibraries.Load)?.Message);
        }
        finally
        {
            Environment.SetEnvironmentVariable("OMP_NUM_THREADS", null);
        }
    }

    [Fact]
    public void The_build_changes_one_flag_of_LibTorchSharp_and_nothing_else()
    {
        const string File = "runtimes/linux-x64/native/libLibTorchSharp.so";
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var version = Versions.All["torchsharp"];
        var original = System.IO.File.ReadAllBytes(Path.Combine(packages, "torchsharp", version, File));
        var built = System.IO.File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, File));
        Assert.Equal(original.Length, built.Length);
        var change = Assert.Single(Enumerable.Range(0, built.Length), at => original[at] != built[at]);
        Assert.Equal((0, 2), (original[change], built[change]));
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial IntPtr GetNativeVariable(string name);
}
