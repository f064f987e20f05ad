using System.Text.Json;
using MnistCnn.Files;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>Results on standard output.</summary>
internal static class Output
{
    /// <summary>Writes one JSON document, or what a person reads with the paths of the files behind it.</summary>
    /// <param name="json">Whether to write JSON.</param>
    /// <param name="document">The document.</param>
    /// <param name="write">Writes what a person reads.</param>
    /// <param name="files">The paths of the files that were written.</param>
    public static void Write(bool json, object document, Action<IAnsiConsole> write, IReadOnlyList<string>? files = null)
    {
        Write(json, _ => document, write, () => files ?? []);
    }

    /// <summary>Writes results and draws their plots, after the results, so that a plot that cannot be drawn does not cost them.</summary>
    /// <param name="json">Whether to write JSON.</param>
    /// <param name="document">Returns the document, given the paths of the plots.</param>
    /// <param name="write">Writes what a person reads.</param>
    /// <param name="draw">Draws the plots and returns the paths of those that could be drawn.</param>
    public static void Write(
        bool json, Func<IReadOnlyList<string>, object> document, Action<IAnsiConsole> write, Func<IReadOnlyList<string>> draw)
    {
        if (!json)
            write(Terminal.Of(Console.Out));
        var files = draw();
        foreach (var line in json ? [JsonSerializer.Serialize(document(files), JsonFormat.Indented)] : files)
            Console.Out.WriteLine(line);
    }
}
