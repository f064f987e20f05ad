using MnistCnn.Runtime;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>Consoles of Spectre.Console for this process's two outputs.</summary>
internal static class Terminal
{
    /// <summary>Width of a console that writes to a file or pipe.</summary>
    public const int Unlimited = int.MaxValue / 2;

    // Console of the progress bar that is shown now. Text that bypasses it would be overwritten by the bar.
    private static IAnsiConsole? live;

    /// <summary>Creates a console: a terminal has colours and the width of its window, a file or pipe neither.</summary>
    public static IAnsiConsole CreateConsole(TextWriter writer)
    {
        var output = new AnsiConsoleOutput(writer);
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = output });
        if (!output.IsTerminal)
            console.Profile.Width = Unlimited;
        return console;
    }

    /// <summary>Marks the console as showing a progress bar while <paramref name="work"/> runs.</summary>
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

    /// <summary>Writes a line to standard output, with unsafe characters in names escaped.</summary>
    public static void WriteLine(string line) => Console.Out.WriteLine(PrintableText.Escape(line));

    /// <summary>Writes a line to standard error, above the progress bar if one is shown, with unsafe characters in names escaped.</summary>
    public static void WriteErrorLine(string line)
    {
        // Spectre.Console 0.57 writes over the bar and does not clear the rest of its row: spaces up to the margin do.
        if (live is null)
            Console.Error.WriteLine(PrintableText.Escape(line));
        else
            live.Write(new Padder(Cell(line), new Spectre.Console.Padding(0)).Expand());
    }

    /// <summary>Creates a cell of a table, with unsafe characters in names escaped.</summary>
    public static Text Cell(string text) => new(PrintableText.Escape(text));
}
