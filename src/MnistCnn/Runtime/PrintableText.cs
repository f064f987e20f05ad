namespace MnistCnn.Runtime;

/// <summary>Text with names from files and data sets, which may contain any character, made safe for terminals, plots and pages.</summary>
internal static class PrintableText
{
    /// <summary>Escapes characters that move the cursor, break a line or reorder text, as JSON does: <c>\n</c>, <c>\u001b</c>.</summary>
    public static string Escape(string text) => text.Any(IsUnsafe) ? string.Concat(text.Select(Escape)) : text;

    /// <summary>Escapes text of several lines, and keeps its line ends. JSON stays JSON.</summary>
    public static string EscapeLines(string text) =>
        string.Join(Environment.NewLine, text.ReplaceLineEndings("\n").Split('\n').Select(Escape));

    private static string Escape(char character) => character switch
    {
        '\n' => @"\n",
        '\r' => @"\r",
        '\t' => @"\t",
        _ when IsUnsafe(character) => $@"\u{(int)character:x4}",
        _ => $"{character}",
    };

    // Control characters, separators of lines and paragraphs, embeddings, overrides and isolates of Unicode's bidirectional algorithm.
    private static bool IsUnsafe(char character) =>
        char.IsControl(character) || character is (>= '\u2028' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
