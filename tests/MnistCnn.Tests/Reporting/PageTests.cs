using System.Xml.Linq;
using MnistCnn.Charts;
using MnistCnn.Reporting.Pages;

namespace MnistCnn.Tests.Reporting;

public sealed class PageTests : IDisposable
{
    private const string Odd = "<b> & | *x* [y](z) \"q\" `c` <script>1</script> &amp;";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Html_and_markdown_in_texts_are_escaped_in_the_html_page()
    {
        var html = HtmlPage.Convert(CreatePage(), "a & b", folder.FullPath);
        Assert.DoesNotContain("<script", html);
        var document = XDocument.Parse(CloseElements(html));
        Assert.Equal("a & b", document.Descendants("title").Single().Value);
        Assert.Equal(Odd, document.Descendants("h2").Single().Value);
        Assert.Equal([$"{Odd} {Odd}", Odd, ""], document.Descendants("p").Select(paragraph => paragraph.Value));
        Assert.Equal($"{Odd}: {Odd}", document.Descendants("li").Single().Value);
        var cells = document.Descendants().Where(cell => cell.Name.LocalName is "th" or "td");
        Assert.Equal([Odd, "Number", Odd, "1"], cells.Select(cell => cell.Value));
        var image = document.Descendants("img").Single();
        Assert.Equal(Odd, image.Attribute("alt")!.Value);
        Assert.Equal("data:image/png;base64,AQID", image.Attribute("src")!.Value);
    }

    [Fact]
    public void Control_characters_in_texts_are_escaped()
    {
        var page = new MarkdownPage(folder.FullPath);
        page.Paragraph("a\u001b[2J\u202eb");
        Assert.Equal("a\\\\u001b\\[2J\\\\u202eb\n", page.ToString());
    }

    [Fact]
    public void Plots_and_tables_of_the_html_page_can_be_scrolled_with_the_keyboard()
    {
        var document = XDocument.Parse(CloseElements(HtmlPage.Convert(CreatePage(), "", folder.FullPath)));
        foreach (var name in new[] { "img", "table" })
        {
            var parent = document.Descendants(name).Single().Parent!;
            Assert.Equal(("wide", "0"), (parent.Attribute("class")?.Value, parent.Attribute("tabindex")?.Value));
        }
    }

    [Fact]
    public void Markdown_in_texts_is_escaped_in_the_markdown_page()
    {
        const string Safe = @"\<b\> \& \| \*x\* \[y\](z) ""q"" \`c\` \<script\>1\</script\> \&amp;";
        Assert.Equal(
            $"""
            ## {Safe}

            **{Safe}** {Safe}

            {Safe}

            - **{Safe}**: {Safe}

            ![{Safe}](sub/a.png)

            | {Safe} | Number |
            | --- | ---: |
            | {Safe} | 1 |

            """.ReplaceLineEndings("\n"),
            CreatePage());
    }

    private string CreatePage()
    {
        Directory.CreateDirectory(folder["sub"]);
        File.WriteAllBytes(folder["sub/a.png"], [1, 2, 3]);
        var page = new MarkdownPage(folder.FullPath);
        page.Heading(2, Odd);
        page.Paragraph(Odd, Odd);
        page.Paragraph(Odd);
        page.Facts([(Odd, Odd)]);
        page.Image(folder["sub/a.png"], Odd);
        page.Table(new ResultTable([Odd, "Number"], [[Odd, "1"]]));
        return $"{page}";
    }

    // HTML omits some ends that XML requires.
    private static string CloseElements(string html) =>
        System.Text.RegularExpressions.Regex.Replace(html.Replace("<!DOCTYPE html>", ""), "<(meta)([^>]*)>", "<$1$2/>");
}
