using System.Text;
using System.Text.RegularExpressions;
using MnistCnn.Charts;

namespace MnistCnn.Reporting.Pages;

/// <summary>A page in Markdown, with its pictures beside it.</summary>
/// <param name="folder">Where the page will be.</param>
internal sealed partial class MarkdownPage(string folder) : IPage
{
    private readonly StringBuilder page = new();

    /// <inheritdoc/>
    public void Heading(int level, string text) => Add($"{new string('#', level)} {Escape(text)}");

    /// <inheritdoc/>
    public void Paragraph(string strong, string text) => Add(strong.Length == 0 ? Escape(text) : $"**{Escape(strong)}** {Escape(text)}");

    /// <inheritdoc/>
    public void Facts(IEnumerable<(string Name, string Text)> facts) =>
        Add(string.Join('\n', facts.Select(fact => $"- **{Escape(fact.Name)}**: {Escape(fact.Text)}")));

    /// <inheritdoc/>
    public void Picture(string path, string description) =>
        Add($"![{Escape(description)}]({Path.GetRelativePath(folder, path).Replace('\\', '/')})");

    /// <inheritdoc/>
    public void Table(ResultTable table) => Add(string.Join('\n', [
        Row(table.Headings.Select(Escape)),
        Row(table.Headings.Select((_, index) => index == 0 ? "---" : "---:")),
        .. table.Rows.Select(row => Row(row.Select(Escape))),
    ]));

    /// <inheritdoc/>
    public string Text() => page.ToString();

    private static string Row(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";

    // What means something in Markdown, or in the HTML that it may contain.
    private static string Escape(string text) => Special().Replace(text.ReplaceLineEndings(" "), @"\$0");

    private void Add(string block) => page.Append(page.Length == 0 ? "" : "\n").Append(block).Append('\n');

    [GeneratedRegex(@"[\\`*_{}\[\]<>#|~&]")]
    private static partial Regex Special();
}
