using Markdig;
using Markdig.Extensions.CustomContainers;
using Markdig.Extensions.Tables;
using Markdig.Renderers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;
using static System.Net.WebUtility;

namespace MnistCnn.Reporting.Pages;

/// <summary>Converts a Markdown page to one HTML file, with its images inside, for light and dark mode and narrow windows.</summary>
internal static class HtmlPage
{
    // Plots have a white ground and text of their own: in a narrow window they scroll, because smaller text would be unreadable.
    private const string Style =
        """
        :root { color-scheme: light dark; --line: #8886; }
        body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
        h1, h2 { line-height: 1.25; }
        h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
        .wide { margin: 1rem 0; overflow-x: auto; }
        img { display: block; width: 100%; min-width: 40rem; background: #fff; border-radius: 4px; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: baseline; }
        th:first-child, td:first-child { text-align: left; padding-left: 0; }
        td:not(:first-child) { white-space: nowrap; }
        li { margin: .25rem 0; }
        """;

    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UsePipeTables().DisableHtml().Build();

    /// <summary>Converts a page. HTML in its text is escaped.</summary>
    /// <param name="folder">Folder of the images.</param>
    public static string Convert(string markdown, string title, string folder)
    {
        var document = Markdown.Parse(markdown, Pipeline);
        foreach (var image in document.Descendants<LinkInline>().Where(link => link.IsImage))
        {
            image.Url = $"data:image/png;base64,{System.Convert.ToBase64String(File.ReadAllBytes(Path.Combine(folder, image.Url!)))}";
            MakeScrollable(image.Parent!.ParentBlock!);
        }

        foreach (var table in document.Descendants<Table>().ToArray())
        {
            var (parent, container) = (table.Parent!, new CustomContainer(new CustomContainerParser()));
            var index = parent.IndexOf(table);
            parent.RemoveAt(index);
            container.Add(table);
            parent.Insert(index, container);
            MakeScrollable(container);
        }

        using var body = new StringWriter();
        var renderer = new HtmlRenderer(body);
        Pipeline.Setup(renderer);
        renderer.ObjectRenderers.Add(new HtmlCustomContainerRenderer());
        renderer.Render(document);
        return $"""
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
    }

    // With tabindex, the keyboard can scroll it too.
    private static void MakeScrollable(Block block)
    {
        block.GetAttributes().AddClass("wide");
        block.GetAttributes().AddProperty("tabindex", "0");
    }
}
