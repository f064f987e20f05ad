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
        using var template = new StreamReader(typeof(HtmlPage).Assembly.GetManifestResourceStream("report.html")!);
        return template.ReadToEnd().Replace("{title}", HtmlEncode(title)).Replace("{body}", $"{body}");
    }

    // Plots scroll in a narrow window, because smaller text would be unreadable; with tabindex, the keyboard can scroll them too.
    private static void MakeScrollable(Block block)
    {
        block.GetAttributes().AddClass("wide");
        block.GetAttributes().AddProperty("tabindex", "0");
    }
}
