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
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(document, JsonFormat.Indented));
            return;
        }

        write(Terminal.Of(Console.Out));
        foreach (var file in files ?? [])
            Console.Out.WriteLine(file);
    }
}
