using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>Spectre's consoles for this process's two outputs.</summary>
internal static class Terminal
{
    /// <summary>The width of a console that writes to a file or a pipe.</summary>
    public const int Unlimited = int.MaxValue / 2;

    /// <summary>
    /// The console that writes to <paramref name="writer"/>: with colours and as wide as the window where it is a terminal,
    /// plain and as wide as it takes where it is a file or a pipe.
    /// </summary>
    public static IAnsiConsole Of(TextWriter writer)
    {
        var output = new AnsiConsoleOutput(writer);
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = output });
        if (!output.IsTerminal)
            console.Profile.Width = Unlimited;
        return console;
    }
}
