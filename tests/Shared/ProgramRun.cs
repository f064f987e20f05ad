using System.Diagnostics;
using System.Text;
using MnistCnn.Files;
using MnistCnn.Runtime;
using TorchSharp;

namespace MnistCnn.Tests;

/// <summary>A command that ended, run in this process or in one of its own.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="RawOutput">Its standard output, with the system's line ends.</param>
/// <param name="RawError">Its standard error, with the system's line ends.</param>
public sealed record ProgramRun(int ExitCode, string RawOutput, string RawError)
{
    /// <summary>Standard output, with \n as line end on every system.</summary>
    public string Output { get; } = RawOutput.Replace("\r\n", "\n");

    /// <summary>Standard error without <see cref="Found"/>, with \n as line end on every system.</summary>
    public string Error { get; } = string.Concat(Lines(RawError).Where(line => !IsFound(line)));

    /// <summary>The line on standard error that describes the data set, or nothing.</summary>
    public string Found { get; } = string.Concat(Lines(RawError).Where(IsFound));

    private static IEnumerable<string> Lines(string text) =>
        text.Replace("\r\n", "\n").Split('\n').Select((line, place) => place == text.Count(letter => letter == '\n') ? line : line + '\n');

    private static bool IsFound(string line) =>
        line.StartsWith("Data: ", StringComparison.Ordinal) || line.StartsWith("Recipe: ", StringComparison.Ordinal);

    /// <summary>The built program, beside the tests.</summary>
    public static string ProgramPath { get; } = Path.Combine(AppContext.BaseDirectory, "MnistCnn.dll");

    private static string Host => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    /// <summary>
    /// Runs a command in this process, which saves the second or two that a process of its own needs to load libtorch. Tests of signals,
    /// locks, redirection and the like use <see cref="OfProcess"/>.
    /// </summary>
    public static ProgramRun Of(string workingFolder, params string[] arguments)
    {
        NativeLibraries.Load();
        var (output, error, input) = (Console.Out, Console.Error, Console.In);
        var (folder, threads) = (Environment.CurrentDirectory, torch.get_num_threads());
        using var newOutput = new StringWriter();
        using var newError = new StringWriter();
        try
        {
            Console.SetOut(newOutput);
            Console.SetError(newError);
            Console.SetIn(TextReader.Null);
            Environment.CurrentDirectory = workingFolder;
            var code = (int)typeof(AtomicFile).Assembly.EntryPoint!.Invoke(null, [arguments])!;
            return new ProgramRun(code, $"{newOutput}", $"{newError}");
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
            Console.SetIn(input);
            Environment.CurrentDirectory = folder;
            torch.set_num_threads(threads);
        }
    }

    /// <summary>Runs the built program in a process of its own.</summary>
    public static ProgramRun OfProcess(string workingFolder, params string[] arguments) =>
        Finish(Start(workingFolder, ["exec", ProgramPath, .. arguments]));

    /// <summary>Runs dotnet itself.</summary>
    public static ProgramRun OfDotnet(string workingFolder, params string[] arguments) => Finish(Start(workingFolder, arguments));

    /// <summary>Runs a line of a Unix shell; <see cref="Command"/> stands for the built program in it.</summary>
    public static ProgramRun OfShell(string workingFolder, string line) =>
        Finish(Start(new ProcessStartInfo("sh", ["-c", line]) { WorkingDirectory = workingFolder }));

    /// <summary>The built program in a line of a shell.</summary>
    public static string Command => $"'{Host}' exec '{ProgramPath}'";

    /// <summary>Starts dotnet with both its outputs kept.</summary>
    public static Process Start(string workingFolder, IEnumerable<string> arguments) => Start(
        new ProcessStartInfo(Host, arguments) { WorkingDirectory = workingFolder });

    /// <summary>Starts any program with both its outputs kept.</summary>
    public static Process Start(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.StandardOutputEncoding = Encoding.UTF8;
        start.StandardErrorEncoding = Encoding.UTF8;
        // What the test runner sets for itself must not reach the builds and the programs that it starts.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        return Process.Start(start)!;
    }

    /// <summary>Waits for the end, a few minutes at most.</summary>
    public static ProgramRun Finish(Process process, int minutes = 5)
    {
        using (process)
        {
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync();
            var error = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(TimeSpan.FromMinutes(minutes)))
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail("the process did not end");
            }

            return new ProgramRun(process.ExitCode, output.Result, error.Result);
        }
    }

    /// <summary>True if started programs ignore a signal: a shell makes background jobs of scripts ignore SIGINT.</summary>
    public static bool IsIgnored(int signal) =>
        File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is var line
        && (Convert.ToUInt64(line[7..].Trim(), 16) >> (signal - 1) & 1) == 1;

    /// <summary>Asserts that it failed with one line on standard error and nothing on standard output.</summary>
    public void AssertFailed(int exitCode, params string[] parts)
    {
        Assert.Equal(exitCode, ExitCode);
        Assert.Equal("", Output);
        var line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("error: ", line);
        foreach (var part in parts)
            Assert.Contains(part, line);
    }
}
