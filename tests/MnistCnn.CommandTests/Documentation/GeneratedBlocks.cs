using System.Text.RegularExpressions;

namespace MnistCnn.Tests.Documentation;

/// <summary>
/// Blocks of a page between the comments <c>generated: NAME</c> and <c>end</c>, which tests compute from the program. The environment
/// variable MNIST_CNN_REFERENCE=write writes them again.
/// </summary>
internal static partial class GeneratedBlocks
{
    /// <summary>Names of the blocks of a page with the index of each, in order.</summary>
    public static IReadOnlyList<(string Name, int Index)> Of(string text) =>
        [.. Block().Matches(text).Select(block => (block.Groups["name"].Value, block.Index))];

    /// <summary>Asserts that the blocks have their contents, or writes them.</summary>
    /// <param name="create">Returns the contents of a block by name.</param>
    public static void AssertEqual(string page, Func<string, string> create)
    {
        var text = DocumentationTests.Read(page);
        Assert.NotEmpty(Of(text));
        var expected = Block().Replace(text, block =>
            $"{block.Groups["start"]}\n{create(block.Groups["name"].Value)}\n{block.Groups["end"]}");
        if (Environment.GetEnvironmentVariable("MNIST_CNN_REFERENCE") == "write")
            File.WriteAllText(DocumentationTests.PathOf(page), expected);
        else
            Assert.Equal(expected, text);
    }

    /// <summary>A table in Markdown.</summary>
    /// <param name="numbers">Indices of the columns that are aligned to the right.</param>
    public static string Table(string[] headings, IEnumerable<IReadOnlyList<string>> rows, params int[] numbers) => string.Join(
        '\n',
        [
            Row(headings),
            Row(headings.Select((_, column) => numbers.Contains(column) ? "---:" : "---")),
            .. rows.Select(Row),
        ]);

    private static string Row(IEnumerable<string> cells) => $"|{string.Concat(cells.Select(cell => cell == "" ? " |" : $" {cell} |"))}";

    [GeneratedRegex("(?<start><!-- generated: (?<name>[^\n]+?) -->)\n.*?\n?(?<end><!-- end -->)", RegexOptions.Singleline)]
    private static partial Regex Block();
}
