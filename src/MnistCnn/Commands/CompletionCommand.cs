using System.CommandLine;
using MnistCnn.Reporting;

namespace MnistCnn.Commands;

/// <summary><c>completion</c>: prints a script with which a shell completes command lines by asking <see cref="Completer"/>.</summary>
internal static class CompletionCommand
{
    private const string InstalledName = "mnist-cnn";

    private static readonly string[] Shells = ["bash", "zsh", "fish", "powershell"];
    private static readonly string ShellNames = OptionParsers.Names(Shells, shell => shell);

    private static readonly Argument<string?> Shell = new("SHELL")
    {
        Description = $"The shell: {ShellNames}.",
        HelpName = "SHELL",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result => OptionParsers.Choose(result, "shell", Shells, shell => shell),
        CompletionSources = { Shells },
    };

    public static Command Create() => OptionParsers.CreateCommand(
        "completion",
        "Print a script for the completion of command lines in a shell.",
        Run,
        [Shell],
        result =>
        {
            if (result.GetResult(Shell) is null)
                result.AddError($"completion needs the name of a shell: {ShellNames}.");
        });

    private static int Run(ParseResult parseResult)
    {
        var shell = parseResult.GetRequiredValue(Shell)!;
        using var script = new StreamReader(typeof(CompletionCommand).Assembly.GetManifestResourceStream($"completion.{shell}")!);

        // The command that starts an installed tool may have another name than the executable file that runs.
        string[] names = [InstalledName, Path.GetFileNameWithoutExtension(Environment.ProcessPath) ?? InstalledName];
        var list = string.Join(shell == "powershell" ? ", " : " ", names.Except(["dotnet"]).Select(name => $"'{name}'"));
        Console.Out.NewLine = "\n"; // for bash on Windows
        while (script.ReadLine() is { } line)
            Terminal.WriteLine(line.Replace("NAMES", list));
        return 0;
    }
}
