using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace MnistCnn.Tests;

/// <summary>docs/guides/troubleshooting.md quotes messages as the program, the SDK and TorchSharp print them.</summary>
public sealed partial class TroubleshootingTests : IDisposable
{
    private static readonly string Page = File.ReadAllText(
        Path.Combine(RepositoryRoot.FullPath, "docs", "guides", "troubleshooting.md")).ReplaceLineEndings("\n");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("The last batch of an epoch", "train --arch resnet18 --train-limit 65 --test-limit 100 --epochs 1")]
    [InlineData("The loss became NaN", "train --arch inception --lr 2 --train-limit 640 --test-limit 100 --epochs 1 --threads 1")]
    [InlineData("The device cuda is not available", "train --device cuda")]
    [InlineData("is a pickle of PyTorch's", "evaluate model.pth")]
    public void The_page_quotes_the_error_of_a_command(string heading, string command)
    {
        File.WriteAllText(folder["model.pth"], "PK\u0003\u0004 is how a zip file begins");
        var run = ProgramRun.Of(folder.FullPath, command.Split(' '));
        Assert.Equal(1, run.ExitCode);
        AssertQuoted(heading, run.Error.Replace(folder.FullPath, "/home/ada", StringComparison.Ordinal));
    }

    [Fact]
    public void The_command_of_the_page_trains_without_a_last_batch_of_one_image()
    {
        var command = CommandLine().Matches(Entry("The last batch of an epoch"))[0].Groups[1].Value;
        var run = ProgramRun.Of(folder.FullPath, command.Split(' '));
        Assert.True(run.ExitCode == 0, run.Error);
    }

    [Theory]
    [InlineData("These processes were started by Open MPI", "OMPI_COMM_WORLD_SIZE")]
    [InlineData("MPI's library is missing", "PMI_SIZE")]
    public void The_page_quotes_the_errors_about_MPI(string heading, string variable)
    {
        // MPICH may be installed here; the page has the names of its library for Linux.
        if (variable == "PMI_SIZE" && (!OperatingSystem.IsLinux() || ProgramRun.Of(folder.FullPath, "doctor").Output.Contains("libmpi")))
            Assert.Skip("this needs Linux without MPICH");
        Environment.SetEnvironmentVariable(variable, "2");
        try
        {
            AssertQuoted(heading, ProgramRun.Of(folder.FullPath, "train").Error);
        }
        finally
        {
            Environment.SetEnvironmentVariable(variable, null);
        }
    }

    [Fact]
    public void The_page_quotes_the_error_about_a_port_in_use()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var run = ProgramRun.Of(folder.FullPath, "serve", "--no-browser", "--port", $"{port}");
        AssertQuoted("Port 8080 is taken", run.Error.Replace($"{port}", "8080", StringComparison.Ordinal));
    }

    // The library of TorchSharp's package, which the build changes.
    [Fact]
    [Trait("Speed", "Slow")]
    public void The_page_quotes_the_error_about_an_old_libstdcxx()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libstdc++ is a library of Linux");
        const string Library = "runtimes/linux-x64/native/libLibTorchSharp.so";
        var program = Commands.DamagedProgram.Create(folder["program"], Library);
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var version = Runtime.Versions.All["torchsharp"];
        File.Copy(Path.Combine(packages, "torchsharp", version, Library), folder[$"program/{Library}"], overwrite: true);
        var run = ProgramRun.OfDotnet(folder.FullPath, "exec", program, "train");
        Assert.SkipWhen(run.ExitCode == 0, "this system has a new libstdc++");
        var error = PathOfLibrary().Replace(run.Error, "/home/ada/libLibTorchSharp.so");
        AssertQuoted("GLIBCXX_3.4.32", PathOfStandardLibrary().Replace(error, "/lib/x86_64-linux-gnu/libstdc++.so.6"));
    }

    [Fact]
    public void The_page_quotes_the_messages_of_dotnet()
    {
        var outside = ProgramRun.OfDotnet(folder.FullPath, "run", "serve");
        AssertQuoted("Couldn't find a project", outside.Error.Replace(folder.FullPath, "/home/ada/MnistCnn", StringComparison.Ordinal));

        var help = ProgramRun.OfDotnet(Path.Combine(RepositoryRoot.FullPath, "src", "MnistCnn"), "run", "--no-build", "train", "--help");
        AssertQuoted("prints the help of", string.Join('\n', help.Output.Split('\n')[..2]));

        File.WriteAllText(folder["global.json"], """{ "sdk": { "version": "99.0.100" } }""");
        var old = ProgramRun.OfDotnet(folder.FullPath, "build");
        var lines = Quote("A compatible .NET SDK was not found.").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.Contains(line.Replace("10.0.100", "99.0.100", StringComparison.Ordinal), old.Output + old.Error));
    }

    [Theory]
    [Trait("Speed", "Slow")]
    [InlineData("error NU1301", "https")]
    [InlineData("error NU1302", "http")]
    public void The_page_quotes_the_errors_about_a_package_source(string heading, string scheme)
    {
        File.WriteAllText(folder["program.csproj"], """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup><PackageReference Include="MnistCnn.Missing" Version="1.0.0" /></ItemGroup>
            </Project>
            """);
        File.WriteAllText(folder["nuget.config"], $"""
            <configuration>
              <packageSources><clear /><add key="mirror" value="{scheme}://localhost:9/v3/index.json" /></packageSources>
            </configuration>
            """);
        var run = ProgramRun.OfDotnet(folder.FullPath, "restore");
        var (title, quote) = (Entry(heading).Split('`')[1], Quote(heading));
        Assert.All(quote.Split('\n').Prepend(title), line => Assert.Contains(line, run.Output));
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public void The_page_quotes_the_error_about_memory()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux limits the memory of a process in this way");
        var train = $"{ProgramRun.Command} train --arch resnet50 --batch-size 20000 --train-limit 20000 --epochs 1";
        var run = ProgramRun.OfShell(folder.FullPath, $"ulimit -v 40000000 && exec {train}");
        Assert.Equal(Number().Replace(Quote("can't allocate memory"), "N"), Number().Replace(run.Error.Trim(), "N"));
    }

    [Fact]
    public void The_page_quotes_the_message_of_TorchSharp()
    {
        const string Beginning = "This application or script uses TorchSharp but doesn't contain a reference to ";
        Assert.Contains(Beginning, Quote("This application or script"));
        var library = File.ReadAllBytes(typeof(TorchSharp.torch).Assembly.Location);
        Assert.True(library.AsSpan().IndexOf(Encoding.Unicode.GetBytes(Beginning)) > 0);
    }

    // Messages that no test can provoke on this system.
    [Theory]
    [InlineData("libtorch does not load on this system", "Runtime/NativeLibraries.cs")]
    [InlineData("The token is missing or out of date.", "Web/RequestFilter.cs")]
    public void The_page_quotes_messages_of_the_source(string heading, string file) =>
        Assert.Contains(Quote(heading), File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, "src", "MnistCnn", file)));

    private static void AssertQuoted(string heading, string message) => Assert.Equal(Quote(heading), message.Trim());

    private static string Quote(string heading) =>
        Regex.Match(Entry(heading), "```text\n(.*?)\n```", RegexOptions.Singleline).Groups[1].Value;

    private static string Entry(string heading) =>
        Assert.Single(Page.Split("\n### ")[1..], entry => entry.Split('\n')[0].Contains(heading, StringComparison.Ordinal));

    [GeneratedRegex(@"^    dotnet run --project src/MnistCnn (train .*)$", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();

    [GeneratedRegex(@"/\S+/libLibTorchSharp\.so")]
    private static partial Regex PathOfLibrary();

    [GeneratedRegex(@"/\S+/libstdc\+\+\.so\.6")]
    private static partial Regex PathOfStandardLibrary();
}
