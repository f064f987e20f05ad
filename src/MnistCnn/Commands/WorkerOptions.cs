using System.CommandLine;
using System.CommandLine.Parsing;
using MnistCnn.Jobs;
using MnistCnn.Reporting;

namespace MnistCnn.Commands;

/// <summary>Options of commands that train several networks at once, and the command lines of their worker processes.</summary>
internal static class WorkerOptions
{
    public static readonly Option<int?> Jobs = OptionParsers.OptionalCount(
        "--jobs", "Train N networks at once, each in its own process with its share of the cores. [default: 1]", 1024);

    public static readonly Option<bool> Worker = new("--worker") { Description = "Train what standard input names.", Hidden = true };

    /// <summary>Returns options with their values as typed, without those that are not given.</summary>
    public static string[] AsTyped(CommandResult result, IEnumerable<Option> options) =>
    [
        .. options.Select(option => result.GetResult(option))
            .Where(option => option is { Implicit: false })
            .SelectMany(option => new[] { option!.Option.Name }.Concat(option.Tokens.Select(token => token.Value))),
    ];

    /// <summary>Says how to continue after a signal, and returns the exit code.</summary>
    public static int ReportStop(string folder)
    {
        Terminal.WriteErrorLine($"Stopped. The results so far are in the files. To continue, start it again with --out {folder}");
        return ExitCode.Interrupted;
    }

    /// <param name="arguments">Their command line, without the folder and the options of this class.</param>
    /// <returns>The workers; null for one job at a time, which runs in this process.</returns>
    public static Workers? CreateWorkers(
        ParseResult parseResult, IEnumerable<string> arguments, Option<string?> folderOption, string folder)
    {
        if (parseResult.GetValue(Jobs) is not ({ } jobs and > 1))
            return null;
        var threads = parseResult.GetValue(SharedOptions.Threads) ?? Math.Max(1, Environment.ProcessorCount / jobs);
        return new Workers(jobs, [.. arguments, folderOption.Name, folder, Worker.Name, SharedOptions.Threads.Name, $"{threads}"]);
    }
}
