using System.IO.Compression;
using System.Xml.Linq;
using MnistCnn.Tests;
using MnistCnn.Tests.Data;

namespace MnistCnn.SystemTests;

/// <summary>The packages of the .NET tool are small and complete, and run from an empty folder with an empty package cache.</summary>
[Trait("Kind", "Waiting")]
public sealed class PackageTests(PackedTool tool) : IClassFixture<PackedTool>
{
    private static readonly string[] Small = ["--epochs", "1", "--train-limit", "640", "--test-limit", "100"];

    [Fact]
    public void The_package_of_a_runtime_holds_the_program_its_data_and_the_natives_of_this_runtime_once()
    {
        var (names, _) = Contents(tool.RuntimePackage);
        var root = $"tools/net10.0/{PackedTool.Runtime}/";
        string[] expected =
        [
            "MnistCnn.dll", "MnistCnn.OnnxExport.dll", "TorchSharp.dll", "LICENSE", "LICENSE-LIBTORCH.txt", "THIRD-PARTY-NOTICES.md",
            "data/fonts/DejaVuSans.ttf", "data/models/inception.safetensors", "data/models/residual.safetensors",
            "data/mnist/train-images-idx3-ubyte.gz", "data/mnist/train-labels-idx1-ubyte.gz",
            "data/mnist/t10k-images-idx3-ubyte.gz", "data/mnist/t10k-labels-idx1-ubyte.gz",
        ];
        Assert.All(expected, name => Assert.Contains(root + name, names));
        Assert.Contains("README.md", names);
        Assert.Single(names, name => name.EndsWith("train-images-idx3-ubyte.gz", StringComparison.Ordinal));

        var windows = OperatingSystem.IsWindows();
        Assert.Single(names, name => Path.GetFileName(name) == (windows ? "torch_cpu.dll" : "libtorch_cpu.so"));
        Assert.DoesNotContain(names, name => name.Contains("/runtimes/", StringComparison.Ordinal));
        Assert.DoesNotContain(names, name => name.EndsWith(windows ? ".so" : "SkiaSharp.pdb", StringComparison.Ordinal));
        string[] unused = [".lib", ".h", ".dylib", ".xml"];
        Assert.DoesNotContain(names, name => name.StartsWith("tools/", StringComparison.Ordinal)
            && !name.EndsWith("DotnetToolSettings.xml", StringComparison.Ordinal) && unused.Contains(Path.GetExtension(name)));
        Assert.DoesNotContain(names, name => name.Contains("torch_python", StringComparison.Ordinal));
        Assert.InRange(new FileInfo(tool.RuntimePackage).Length, 1, 169_999_999);
    }

    [Fact]
    public void The_package_without_a_runtime_only_points_to_those_of_the_runtimes()
    {
        var (names, read) = Contents(tool.PointerPackage);
        Assert.Equal(["tools/any/any/DotnetToolSettings.xml"], names.Where(name => name.StartsWith("tools/", StringComparison.Ordinal)));
        Assert.InRange(new FileInfo(tool.PointerPackage).Length, 1, 20_000);
        var packages = XDocument.Parse(read("tools/any/any/DotnetToolSettings.xml")).Descendants("RuntimeIdentifierPackage")
            .Select(package => (Runtime: (string?)package.Attribute("RuntimeIdentifier"), Id: (string?)package.Attribute("Id")));
        string[] runtimes = ["linux-x64", "osx-arm64", "win-arm64", "win-x64"];
        Assert.Equal(
            runtimes.Select(runtime => ((string?)runtime, (string?)$"MnistCnn.{runtime}")),
            packages.OrderBy(package => package.Runtime, StringComparer.Ordinal));
    }

    [Fact]
    public void Packages_say_what_they_are()
    {
        foreach (var package in new[] { tool.RuntimePackage, tool.PointerPackage })
        {
            var (names, read) = Contents(package);
            var file = names.Single(name => name.EndsWith(".nuspec", StringComparison.Ordinal));
            var metadata = XDocument.Parse(read(file)).Root!.Elements().Single();
            string Value(string name) => metadata.Elements().Single(element => element.Name.LocalName == name).Value;
            Assert.StartsWith("MnistCnn", Value("id"));
            Assert.Equal(tool.Version, Value("version"));
            Assert.Equal("The MnistCnn authors", Value("authors"));
            Assert.Equal("MIT", Value("license"));
            Assert.Equal("README.md", Value("readme"));
            Assert.Contains("TorchSharp", Value("description"));
            Assert.Contains("torchsharp", Value("tags").Split(' '));
            Assert.DoesNotContain(metadata.Elements(), element => element.Name.LocalName == "projectUrl");
            Assert.DoesNotContain(metadata.Descendants(), element => element.Name.LocalName == "dependency");
        }
    }

    [Fact]
    public void The_installed_tool_trains_evaluates_and_predicts_in_the_current_folder()
    {
        var path = tool.Folder["tool"];
        string[] install = ["tool", "install", "--tool-path", path, "--configfile", tool.Folder["NuGet.Config"], "MnistCnn"];
        AssertDone(tool.Dotnet(install));
        var installed = Directory.GetFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray();
        var command = Path.Combine(path, OperatingSystem.IsWindows() ? "mnist-cnn.exe" : "mnist-cnn");

        Assert.StartsWith(tool.Version, AssertDone(tool.Run(command, "--version")));
        AssertDone(tool.Run(command, ["train", "--arch", "residual", .. Small]));
        var run = Assert.Single(Directory.GetDirectories(tool.Folder["work/runs"], "residual-*"));
        Assert.Contains("accuracy", AssertDone(tool.Run(command, "evaluate", run, "--test-limit", "100")));
        File.WriteAllBytes(tool.Folder["work/photo.png"], DrawnDigits.Draw(hand: 0, digit: 7));
        Assert.Matches(@"^photo\.png +\d ", AssertDone(tool.Run(command, "predict", "photo.png")));
        Assert.DoesNotContain(" missing ", AssertDone(tool.Run(command, "doctor")));
        Assert.Equal(installed, Directory.GetFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));

        AssertDone(tool.Dotnet("tool", "uninstall", "--tool-path", path, "MnistCnn"));
        Assert.Empty(Directory.GetFiles(path, "*", SearchOption.AllDirectories));
    }

    // The SDK has an option named arch too; after -- it belongs to the tool.
    [Fact]
    public void Dnx_trains_without_an_installation()
    {
        string[] dnx = ["dnx", "--yes", "MnistCnn", "--configfile", tool.Folder["NuGet.Config"], "--"];
        AssertDone(tool.Dotnet([.. dnx, "train", "--arch", "residual", "--out", "dnx", .. Small]));
        Assert.True(File.Exists(tool.Folder["work/dnx/model.safetensors"]));
        Directory.Delete(tool.Folder[PackedTool.Cache], recursive: true);
    }

    private static string AssertDone(ProgramRun run)
    {
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        return run.Output;
    }

    private static (string[] Names, Func<string, string> Read) Contents(string package)
    {
        using var archive = ZipFile.OpenRead(package);
        var names = archive.Entries.Select(entry => entry.FullName).Order(StringComparer.Ordinal).ToArray();
        return (names, Read);

        string Read(string name)
        {
            using var opened = ZipFile.OpenRead(package);
            using var reader = new StreamReader(opened.GetEntry(name)!.Open());
            return reader.ReadToEnd();
        }
    }
}
