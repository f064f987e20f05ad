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
    /// <param name="workingFolder">A folder without folders: those that a run leaves which is repeated are deleted.</param>
    /// <param name="arguments">Its command line.</param>
    public ProgramRun Run(string workingFolder, params string[] arguments)
    {
        var path = folder["program/MnistCnn.exe"];
        if (OperatingSystem.IsWindows())
            return ProgramRun.Finish(ProgramRun.Start(new ProcessStartInfo(path, arguments) { WorkingDirectory = workingFolder }));

        // Under Wine, the .NET runtime dies now and then when it finalises a method that was made at run time. That says nothing
        // about the program, and on Windows it does not happen. What dies in just this way, and nothing else, is run again.
        for (var attempt = 1; ; attempt++)
        {
            var run = Wine("wine", workingFolder, [path, .. arguments]);
            if (attempt == 3 || run.ExitCode == 0 || !run.Error.Contains("0x80131506") || !run.Error.Contains("DestroyScout"))
                return run;
            foreach (var left in Directory.GetDirectories(workingFolder))
                Directory.Delete(left, recursive: true);
        }
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
