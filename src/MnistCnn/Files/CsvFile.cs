namespace MnistCnn.Files;

/// <summary>Comma-separated values as in RFC 4180, in UTF-8.</summary>
internal static class CsvFile
{
    /// <summary>Writes property names in snake_case and one line per row. A null is an empty field.</summary>
    /// <param name="rows">At least one.</param>
    public static void Write<TRow>(string path, IReadOnlyList<TRow> rows)
    {
        var elements = rows.Select(row => JsonSerializer.SerializeToElement(row, JsonFormat.Line)).ToArray();
        var text = new StringBuilder().AppendJoin(',', elements[0].EnumerateObject().Select(property => property.Name)).Append('\n');
        foreach (var element in elements)
            text.AppendJoin(',', element.EnumerateObject().Select(property => Field(property.Value))).Append('\n');
        AtomicFile.WriteText(path, text.ToString());
    }

    private static string Field(JsonElement value)
    {
        var text = value.ToString();
        return text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"")}\"";
    }
}
