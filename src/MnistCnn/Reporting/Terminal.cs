using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>Spectre's consoles for this process's two outputs.</summary>
public static class Terminal
{
    /// <summary>The console that writes to <paramref name="writer"/>, with colours where it is a terminal.</summary>
    public static IAnsiConsole Of(TextWriter writer) =>
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
}
