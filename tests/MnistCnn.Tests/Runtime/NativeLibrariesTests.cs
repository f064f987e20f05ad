using MnistCnn.Runtime;
using TorchSharp;

namespace MnistCnn.Tests.Runtime;

public sealed class NativeLibrariesTests
{
    [Fact]
    public void They_load_without_a_second_copy_of_libtorch()
    {
        NativeLibraries.Load();
        Assert.Equal(6, torch.ones(2, 3).sum().item<float>());
        Assert.False(Directory.Exists(Path.Combine(AppContext.BaseDirectory, "cpu")));
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
}
