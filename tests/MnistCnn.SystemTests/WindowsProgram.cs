using System.ComponentModel;
using System.Diagnostics;
using MnistCnn.Tests;

namespace MnistCnn.SystemTests;

/// <summary>The program published for Windows; on Linux it runs under Wine.</summary>
public sealed class WindowsProgram : IDisposable
{
    private readonly TemporaryFolder folder = new();

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

    public ProgramRun Run(string workingFolder, params string[] arguments)
    {
        var path = folder["program/MnistCnn.exe"];
        if (OperatingSystem.IsWindows())
            return ProgramRun.Finish(ProgramRun.Start(new ProcessStartInfo(path, arguments) { WorkingDirectory = workingFolder }));

        return Wine("wine", workingFolder, [path, .. arguments]);
    }

    public void Dispose()
    {
        // Wine's server writes into its folder until it ends, some seconds after the last program.
        if (Directory.Exists(folder["wine"]))
            Wine("wineserver", folder.FullPath, "--kill");
        folder.Dispose();
    }

    // Builds outside the repository. The first build downloads packages, so the time limit is long.
    private ProgramRun Publish() => ProgramRun.Finish(
        ProgramRun.Start(
            RepositoryRoot.FullPath,
            ["publish", "src/MnistCnn", "-r", "win-x64", "--self-contained", "--artifacts-path", folder["build"], "-o", folder["program"]]),
        minutes: 30);

    private static void AssertDone(ProgramRun run) => Assert.True(run.ExitCode == 0, run.Output + run.Error);

    // A separate Wine prefix without messages and windows. Wine lacks the processor functions that Intel's OpenMP needs for affinity.
    private ProgramRun Wine(string program, string workingFolder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = workingFolder };
        start.Environment["WINEPREFIX"] = folder["wine"];
        start.Environment["WINEDEBUG"] = "-all";
        start.Environment["DISPLAY"] = "";
        start.Environment["KMP_AFFINITY"] = "disabled";

        // With W^X, .NET 10 under Debian's Wine 8.0 ends with "Internal CLR error (0x80131506)" when the first garbage collection
        // finalizes a dynamic method.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        try
        {
            return ProgramRun.Finish(ProgramRun.Start(start));
        }
        catch (Win32Exception error)
        {
            throw new InvalidOperationException(
                $"The Windows program runs under Wine, and {program} does not start. On Debian and Ubuntu: apt-get install wine wine64",
                error);
        }
    }
}
