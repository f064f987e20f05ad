using MnistCnn.Charts;
using MnistCnn.Runtime;

namespace MnistCnn.Reporting.Pages;

/// <summary>A Markdown page, written from top to bottom. Texts are escaped.</summary>
/// <param name="folder">Folder of the page; images are linked relative to it.</param>
internal sealed partial class MarkdownPage(string folder)
{
    private readonly StringBuilder page = new();

    public void Heading(int level, string text) => Add($"{new string('#', level)} {Escape(text)}");

    public void Paragraph(string text) => Add(Escape(text));

    public void Paragraph(string strong, string text) => Add($"**{Escape(strong)}** {Escape(text)}");

    public void Facts(IEnumerable<(string Name, string Text)> facts) =>
        Add(string.Join('\n', facts.Select(fact => $"- **{Escape(fact.Name)}**: {Escape(fact.Text)}")));

    public void Image(string path, string description) =>
        Add($"![{Escape(description)}]({Path.GetRelativePath(folder, path).Replace('\\', '/')})");

    public void Table(ResultTable table) => Add(string.Join('\n', [
        Row(table.Headings.Select(Escape)),
        Row(table.Headings.Select((_, index) => index == 0 ? "---" : "---:")),
        .. table.Rows.Select(row => Row(row.Select(Escape))),
    ]));

    public override string ToString() => page.ToString();

    private static string Row(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";

    private static string Escape(string text) => Special().Replace(PrintableText.Escape(text.ReplaceLineEndings(" ")), @"\$0");

    private void Add(string block) => page.Append(page.Length == 0 ? "" : "\n").Append(block).Append('\n');

    [GeneratedRegex(@"[\\`*_{}\[\]<>#|~&]")]
    private static partial Regex Special();
}
