using System.Xml.Linq;
using MnistCnn.Charts;
using MnistCnn.Reporting.Pages;

namespace MnistCnn.Tests.Reporting;

public sealed class PageTests : IDisposable
{
    private const string Odd = "<b> & | *x* [y](z) \"q\" `c`";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void In_html_nothing_that_is_written_is_taken_for_html()
    {
        var page = Filled(new HtmlPage("a & b"));
        var document = XDocument.Parse(Closed(page));
        Assert.Equal("a & b", document.Descendants("title").Single().Value);
        Assert.Equal(Odd, document.Descendants("h2").Single().Value);
        Assert.Equal($"{Odd} {Odd}", document.Descendants("p").Single().Value);
        Assert.Equal($"{Odd}: {Odd}", document.Descendants("li").Single().Value);
        Assert.Equal([Odd, "Number", Odd, "1"], document.Descendants().Where(cell => cell.Name.LocalName is "th" or "td").Select(cell => cell.Value));
        Assert.Equal(Odd, document.Descendants("img").Single().Attribute("alt")!.Value);
        Assert.Equal("data:image/png;base64,AQID", document.Descendants("img").Single().Attribute("src")!.Value);
    }

    [Fact]
    public void In_markdown_nothing_that_is_written_is_taken_for_markdown()
    {
        const string Safe = @"\<b\> \& \| \*x\* \[y\](z) ""q"" \`c\`";
        Assert.Equal(
            $"""
            ## {Safe}

            **{Safe}** {Safe}

            - **{Safe}**: {Safe}

            ![{Safe}](sub/a.png)

            | {Safe} | Number |
            | --- | ---: |
            | {Safe} | 1 |

            """.ReplaceLineEndings("\n"),
            Filled(new MarkdownPage(folder.FullPath)));
    }

    private string Filled(IPage page)
    {
        Directory.CreateDirectory(folder["sub"]);
        File.WriteAllBytes(folder["sub/a.png"], [1, 2, 3]);
        page.Heading(2, Odd);
        page.Paragraph(Odd, Odd);
        page.Facts([(Odd, Odd)]);
        page.Picture(folder["sub/a.png"], Odd);
        page.Table(new ResultTable([Odd, "Number"], [[Odd, "1"]]));
        return page.Text();
    }

    // HTML leaves out some ends that XML has.
    private static string Closed(string html) =>
        System.Text.RegularExpressions.Regex.Replace(html.Replace("<!DOCTYPE html>", ""), "<(meta|img)([^>]*)>", "<$1$2/>");
}
