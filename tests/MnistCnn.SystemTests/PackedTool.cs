using System.Diagnostics;
using System.Runtime.InteropServices;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>The packages of the .NET tool for this system, in a folder that is the only source of packages.</summary>
public sealed class PackedTool : IDisposable
{
    public const string Packages = "packages", Cache = "cache", Work = "work";

    public PackedTool()
    {
        try
        {
            Pack("-r", Runtime);
            Pack();
            Directory.Delete(Folder["build"], recursive: true);
            File.WriteAllText(Folder["NuGet.Config"], $"""
                <configuration>
                  <packageSources>
                    <clear />
                    <add key="folder" value="{Folder[Packages]}" />
                  </packageSources>
                </configuration>
                """);
            Directory.CreateDirectory(Folder[Work]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public static string Runtime { get; } =
        $"{(OperatingSystem.IsWindows() ? "win" : "linux")}-{RuntimeInformation.OSArchitecture}".ToLowerInvariant();

    public TemporaryFolder Folder { get; } = new();

    public string Version { get; } =
        ProgramRun.OfDotnet(RepositoryRoot.FullPath, "msbuild", "src/MnistCnn", "-getProperty:Version").Output.Trim();

    public string RuntimePackage => Folder[$"{Packages}/MnistCnn.{Runtime}.{Version}.nupkg"];

    public string PointerPackage => Folder[$"{Packages}/MnistCnn.{Version}.nupkg"];

    /// <summary>Runs dotnet in the work folder, with an empty package cache that only this fixture uses.</summary>
    public ProgramRun Dotnet(params string[] arguments) => Run("dotnet", arguments);

    /// <summary>Runs a program in the work folder, without variables that would point to a package cache.</summary>
    public ProgramRun Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Folder[Work] };
        start.Environment["NUGET_PACKAGES"] = Folder[Cache];
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        return ProgramRun.Finish(ProgramRun.Start(start));
    }

    public void Dispose() => Folder.Dispose();

    // Builds outside the repository. The first pack downloads a compiler, so the time limit is long.
    private void Pack(params string[] arguments)
    {
        string[] command = ["pack", "src/MnistCnn", "-o", Folder[Packages], "--artifacts-path", Folder["build"], .. arguments];
        var run = ProgramRun.Finish(ProgramRun.Start(RepositoryRoot.FullPath, command), minutes: 30);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
    }
}
