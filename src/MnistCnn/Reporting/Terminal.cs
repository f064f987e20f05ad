using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>Spectre's consoles for this process's two outputs.</summary>
internal static class Terminal
{
    /// <summary>The width of a console that writes to a file or a pipe.</summary>
    public const int Unlimited = int.MaxValue / 2;

    // Console of the progress bar that is shown now. Text that is written past it would be overwritten by the bar.
    private static IAnsiConsole? live;

    /// <summary>Writes a line to standard error, above the progress bar if one is shown.</summary>
    public static void Warn(string line) => WriteAbove(live ?? Of(Console.Error), line);

    /// <summary>Writes a line, above the progress bar if the console shows one.</summary>
    public static void WriteAbove(IAnsiConsole console, string line)
    {
        // Spectre.Console 0.57 writes over the bar and does not clear the rest of its row: spaces up to the margin do.
        if (console == live)
            console.Write(new Padder(new Text(line), new Padding(0)).Expand());
        else
            console.WriteLine(line);
    }

    /// <summary>Shows a progress bar while <paramref name="work"/> runs; <see cref="Warn"/> writes above it.</summary>
    public static void WithProgress(IAnsiConsole console, Action work)
    {
        live = console;
        try
        {
            work();
        }
        finally
        {
            live = null;
        }
    }

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
