using System.ComponentModel;
using System.Diagnostics;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>The program as it is published for Windows; it runs there by itself, and on Linux under Wine.</summary>
public sealed class WindowsProgram : IDisposable
{
    private readonly TemporaryFolder folder = new();

    /// <summary>Publishes it into a temporary folder.</summary>
    public WindowsProgram()
    {
        try
        {
            if (!OperatingSystem.IsWindows())
                AssertDone(Wine("wine", folder.FullPath, "wineboot", "--init"));
            AssertDone(Publish());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Runs it.</summary>
    /// <param name="workingFolder">The folder to run it in.</param>
    /// <param name="arguments">Its command line.</param>
    public ProgramRun Run(string workingFolder, params string[] arguments)
    {
        var path = folder["program/MnistCnn.exe"];
        if (OperatingSystem.IsWindows())
            return ProgramRun.Finish(ProgramRun.Start(new ProcessStartInfo(path, arguments) { WorkingDirectory = workingFolder }));

        return Wine("wine", workingFolder, [path, .. arguments]);
    }

    public void Dispose()
    {
        // Wine's server writes into its folder when it ends, some seconds after the last program.
        if (Directory.Exists(folder["wine"]))
            Wine("wineserver", folder.FullPath, "--kill");
        folder.Dispose();
    }

    // Everything that is built on the way stays out of the repository too. The packages may have to be downloaded first.
    private ProgramRun Publish() => ProgramRun.Finish(
        ProgramRun.Start(
            RepositoryRoot.FullPath,
            ["publish", "src/MnistCnn", "-r", "win-x64", "--self-contained", "--artifacts-path", folder["build"], "-o", folder["program"]]),
        minutes: 30);

    private static void AssertDone(ProgramRun run) => Assert.True(run.ExitCode == 0, run.Output + run.Error);

    // In a Wine of its own, without its messages and without windows. Wine does not know what Intel's OpenMP asks of a processor.
    private ProgramRun Wine(string program, string workingFolder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = workingFolder };
        start.Environment["WINEPREFIX"] = folder["wine"];
        start.Environment["WINEDEBUG"] = "-all";
        start.Environment["DISPLAY"] = "";
        start.Environment["KMP_AFFINITY"] = "disabled";

        // With it, Debian's Wine 8.0 ends .NET 10 with "Internal CLR error (0x80131506)" when the first garbage collection
        // finalizes a dynamic method.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        try
        {
            return ProgramRun.Finish(ProgramRun.Start(start));
        }
        catch (Win32Exception error)
        {
            throw new InvalidOperationException(
                $"The program for Windows runs under Wine here, and {program} does not start. On Debian and Ubuntu: apt-get install wine wine64", error);
        }
    }
}
