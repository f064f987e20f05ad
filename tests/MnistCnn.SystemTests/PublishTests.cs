using System.Text.Json;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>Publishing, packing and releasing do not need options to be right, and leave ordinary builds alone.</summary>
[Trait("Kind", "Waiting")]
public sealed class PublishTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Publishing_without_a_runtime_takes_the_natives_of_this_system_only()
    {
        string[] publish = ["publish", "src/MnistCnn", "--artifacts-path", folder["build"], "-o", folder["program"]];
        var run = ProgramRun.Finish(ProgramRun.Start(RepositoryRoot.FullPath, publish), minutes: 30);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);

        var files = new DirectoryInfo(folder["program"]).GetFiles("*", SearchOption.AllDirectories);
        Assert.Single(files, file => file.Name is "libtorch_cpu.so" or "torch_cpu.dll" or "libtorch_cpu.dylib");
        Assert.Single(files, file => file.Name.StartsWith("libSkiaSharp.", StringComparison.Ordinal));
        Assert.InRange(files.Sum(file => file.Length), 1, 550_000_000);
    }

    [Fact]
    public void Only_packing_sets_runtimes_and_makes_a_tool()
    {
        Assert.Equal(("", "", "", ""), Properties());
        Assert.Equal(("", "", "true", "false"), Properties("-p:_IsPacking=true"));
        Assert.Equal(("linux-x64", "", "true", "true"), Properties("-p:_IsPacking=true", "-p:RuntimeIdentifier=linux-x64"));
        Assert.Equal(("win-x64", "", "", ""), Properties("-p:_IsPublishing=true", "-p:RuntimeIdentifier=win-x64"));
    }

    [Fact]
    public void The_container_runs_the_program_as_a_user_that_is_not_root()
    {
        var properties = Evaluate("ContainerUser", "ContainerRepository", "ContainerImageTag");
        Assert.Equal("1654", properties("ContainerUser"));
        Assert.Equal("mnist-cnn", properties("ContainerRepository"));
        Assert.Equal(Evaluate("Version", "Authors")("Version"), properties("ContainerImageTag"));
    }

    [Theory]
    [InlineData("v9.9.9", "the tag is v9.9.9")]
    [InlineData("", "is not empty")]
    public void A_release_is_refused_before_anything_is_built(string tag, string reason)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "releases are made on Linux");
        if (tag == "")
            File.WriteAllText(folder["existing"], "");
        var before = folder.Contents;
        var run = ProgramRun.OfShell(RepositoryRoot.FullPath, $"bash .ci/release '{folder.FullPath}' {tag}");
        run.AssertFailed(1, reason);
        Assert.Equal(before, folder.Contents);
    }

    // A read-only root file system, a user that is not root, no home, and one folder to write into: as in a container.
    [Fact]
    public void The_program_needs_to_write_only_into_the_current_folder()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "only root can mount the system read-only");
        File.WriteAllText(folder["contained.sh"], $"""
            set -e
            chmod 755 .
            chmod 777 work
            mount --bind work work
            mount -o remount,bind,ro /
            cd work
            ! touch ../other 2> /dev/null
            exec setpriv --reuid=1654 --regid=1654 --clear-groups env -i PATH="$PATH" DOTNET_EnableDiagnostics=0 {ProgramRun.Command} "$@"
            """);
        foreach (var arguments in new[]
        {
            "train --arch residual --epochs 1 --train-limit 320 --test-limit 100 --threads 1 --out run",
            "evaluate run --test-limit 100",
            "doctor",
        })
        {
            var run = ProgramRun.OfShell(folder.FullPath, $"mkdir -p work; unshare --mount sh contained.sh {arguments}");
            Assert.True(run.ExitCode == 0, $"{arguments}: {run.Output}{run.Error}");
            Assert.DoesNotContain("warning: ", run.Error);
        }
        Assert.Contains("work/run/accuracy.png", folder.Contents);
        Assert.Contains("work/run/best-confusion.png", folder.Contents);
    }

    private static (string Runtime, string Runtimes, string IsTool, string Compiled) Properties(params string[] options)
    {
        var value = Evaluate(["RuntimeIdentifier", "RuntimeIdentifiers", "PackAsTool", "PublishReadyToRun"], options);
        return (value("RuntimeIdentifier"), value("RuntimeIdentifiers"), value("PackAsTool"), value("PublishReadyToRun"));
    }

    private static Func<string, string> Evaluate(params string[] names) => Evaluate(names, []);

    private static Func<string, string> Evaluate(string[] names, string[] options)
    {
        var run = ProgramRun.OfDotnet(
            RepositoryRoot.FullPath, ["msbuild", "src/MnistCnn", "-noLogo", .. names.Select(name => $"-getProperty:{name}"), .. options]);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        var properties = JsonDocument.Parse(run.Output).RootElement.GetProperty("Properties");
        return name => properties.GetProperty(name).GetString()!;
    }
}
