using System.Text;
using MnistCnn.Charts;
using static System.Net.WebUtility;

namespace MnistCnn.Reporting.Pages;

/// <summary>A page in HTML that is whole by itself: its pictures are in it, and nothing comes from elsewhere. Light and dark, narrow and wide.</summary>
/// <param name="title">What the window is called.</param>
internal sealed class HtmlPage(string title) : IPage
{
    // A picture has white ground and letters of its own: in a narrow window, it is moved rather than made too small to be read.
    private const string Style =
        """
        :root { color-scheme: light dark; --line: #8886; }
        body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
        h1, h2 { line-height: 1.25; }
        h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
        figure, .table { margin: 1rem 0; overflow-x: auto; }
        img { display: block; width: 100%; min-width: 40rem; background: #fff; border-radius: 4px; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: baseline; }
        th:first-child, td:first-child { text-align: left; padding-left: 0; }
        td:not(:first-child) { white-space: nowrap; }
        li { margin: .25rem 0; }
        """;

    private readonly StringBuilder body = new();

    /// <inheritdoc/>
    public void Heading(int level, string text) => Add($"<h{level}>{HtmlEncode(text)}</h{level}>");

    /// <inheritdoc/>
    public void Paragraph(string strong, string text) =>
        Add($"<p>{(strong.Length == 0 ? "" : $"<strong>{HtmlEncode(strong)}</strong> ")}{HtmlEncode(text)}</p>");

    /// <inheritdoc/>
    public void Facts(IEnumerable<(string Name, string Text)> facts) =>
        Add($"<ul>{string.Concat(facts.Select(fact => $"\n<li><strong>{HtmlEncode(fact.Name)}</strong>: {HtmlEncode(fact.Text)}</li>"))}\n</ul>");

    /// <inheritdoc/>
    public void Picture(string path, string description) => Add(
        $"""<figure tabindex="0"><img alt="{HtmlEncode(description)}" src="data:image/png;base64,{Convert.ToBase64String(File.ReadAllBytes(path))}"></figure>""");

    /// <inheritdoc/>
    public void Table(ResultTable table) => Add(
        $"""
        <div class="table" tabindex="0"><table>
        <thead>{Row(table.Headings, "th")}</thead>
        <tbody>
        {string.Join('\n', table.Rows.Select(row => Row(row, "td")))}
        </tbody>
        </table></div>
        """);

    /// <inheritdoc/>
    public string Text() =>
        $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
        <title>{HtmlEncode(title)}</title>
        <style>
        {Style}
        </style>
        </head>
        <body>
        <main>
        {body}</main>
        </body>
        </html>

        """;

    private static string Row(IReadOnlyList<string> cells, string element) =>
        $"<tr>{string.Concat(cells.Select(cell => $"<{element}>{HtmlEncode(cell)}</{element}>"))}</tr>";

    private void Add(string element) => body.Append(element).Append('\n');
}
