using MnistCnn.Files;
using MnistCnn.Runtime;
using Spectre.Console;

namespace MnistCnn.Reporting;

internal static class Output
{
    /// <summary>Writes one JSON document, or text for people and the paths of the written files.</summary>
    public static void Write(bool json, object document, Action<IAnsiConsole> writeText, IReadOnlyList<string>? files = null) =>
        Write(json, _ => document, writeText, () => files ?? []);

    /// <summary>Writes results and draws their plots. The plots come last: one that fails must not cost the results.</summary>
    /// <param name="document">Returns the JSON document, given the paths of the plots.</param>
    /// <param name="draw">Draws the plots and returns their paths.</param>
    public static void Write(
        bool json, Func<IReadOnlyList<string>, object> document, Action<IAnsiConsole> writeText, Func<IReadOnlyList<string>> draw)
    {
        if (!json)
            writeText(Terminal.CreateConsole(Console.Out));
        var files = draw();
        if (json)
            Console.Out.WriteLine(PrintableText.EscapeLines(JsonSerializer.Serialize(document(files), JsonFormat.Indented)));
        foreach (var path in json ? [] : files)
            Terminal.WriteLine(path);
    }
}
