using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using static TorchSharp.torch;

namespace MnistCnn.SystemTests;

/// <summary>The package MnistCnn.OnnxExport, and the example in its README.</summary>
[Trait("Kind", "Waiting")]
public sealed class OnnxExportPackageTests : IDisposable
{
    private static readonly string Project = Path.Combine(RepositoryRoot.FullPath, "src", "MnistCnn.OnnxExport");

    private readonly TemporaryFolder folder = new();

    static OnnxExportPackageTests() => NativeLibraries.Load();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_example_of_the_readme_runs_with_the_project()
    {
        var example = Regex.Replace(Example(), "#:package MnistCnn.OnnxExport@.*", $"#:project {Project}");
        AssertExports(example, []);
    }

    // As for a user: outside the repository, with nothing in the package cache.
    [Fact]
    public void The_example_of_the_readme_runs_with_the_package_and_an_empty_package_cache()
    {
        var run = Finish(new ProcessStartInfo("dotnet", ["pack", Project, "-c", "Release", "-o", folder["packages"]]), []);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.DoesNotContain("warning", run.Output);
        var package = Assert.Single(Directory.GetFiles(folder["packages"], "*.nupkg"));
        Assert.True(File.Exists(Path.ChangeExtension(package, ".snupkg")));
        Assert.InRange(new FileInfo(package).Length, 1, 200_000);
        using (var archive = ZipFile.OpenRead(package))
        {
            var files = archive.Entries.Select(entry => entry.FullName).ToArray();
            string[] expected = ["README.md", "LICENSE", "lib/net10.0/MnistCnn.OnnxExport.dll", "lib/net10.0/MnistCnn.OnnxExport.xml"];
            Assert.Empty(expected.Except(files));
        }

        AssertExports(
            Example(),
            new() { ["NUGET_PACKAGES"] = folder["cache"], ["RestoreAdditionalProjectSources"] = folder["packages"] });
    }

    // ONNX Runtime must compute the logits that the example prints.
    private void AssertExports(string example, Dictionary<string, string> environment)
    {
        Directory.CreateDirectory(folder["program"]);
        File.WriteAllText(folder["program/example.cs"], example);
        File.Copy(
            Path.Combine(RepositoryRoot.FullPath, "Directory.Build.targets"), folder["program/Directory.Build.targets"], overwrite: true);
        var start = new ProcessStartInfo("dotnet", ["run", folder["program/example.cs"]]) { WorkingDirectory = folder["program"] };
        var run = Finish(start, environment);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var expected = run.Output.Trim().Split(' ').Select(number => float.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        using var session = new OnnxSession(folder["program/model.onnx"]);
        using var actual = session.Run(ones(1, 3, 32, 32));
        Assert.Equal(10, expected.Length);
        Assert.All(expected.Zip(actual.data<float>()), logits => Assert.Equal(logits.First, logits.Second, 1e-5f));
    }

    private static ProgramRun Finish(ProcessStartInfo start, Dictionary<string, string> environment)
    {
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return ProgramRun.Finish(ProgramRun.Start(start));
    }

    private static string Example()
    {
        var page = File.ReadAllText(Path.Combine(Project, "README.md"));
        var example = Assert.Single(Regex.Matches(page, "```csharp\n(.*?)```", RegexOptions.Singleline)).Groups[1].Value;
        return OperatingSystem.IsWindows() ? example.Replace("linux-x64", "win-x64", StringComparison.Ordinal) : example;
    }
}
