using System.Text;
using System.Text.Json;

namespace MnistCnn.Files;

/// <summary>Tables for other programs: comma-separated values after RFC 4180, in UTF-8.</summary>
internal static class CsvFile
{
    /// <summary>Writes a heading with the names of the rows' properties, in snake_case, and a line a row.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="rows">At least one; what a property does not have is an empty field.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write<TRow>(string path, IReadOnlyList<TRow> rows)
    {
        var elements = rows.Select(row => JsonSerializer.SerializeToElement(row, JsonFormat.Line)).ToArray();
        var text = new StringBuilder().AppendJoin(',', elements[0].EnumerateObject().Select(property => property.Name)).Append('\n');
        foreach (var element in elements)
            text.AppendJoin(',', element.EnumerateObject().Select(property => Field(property.Value))).Append('\n');
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static string Field(JsonElement value)
    {
        var text = value.ToString();
        return text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"")}\"";
    }
}
