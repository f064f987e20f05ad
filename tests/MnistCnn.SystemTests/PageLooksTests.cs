using System.Globalization;
using System.Text.RegularExpressions;
using MnistCnn.Tests;
using SkiaSharp;

namespace MnistCnn.SystemTests;

/// <summary>
/// Layout and accessibility of the page: on a phone, dark, in Chinese. With the variable MNIST_CNN_SCREENSHOTS set to "write", the test
/// writes the screenshots in docs/, which takes some minutes.
/// </summary>
[Trait("Kind", "Waiting")]
[Collection(typeof(ThePage))]
public sealed partial class PageLooksTests(ServedPage page) : IDisposable
{
    private const int Desk = 1280;
    private const int Phone = 400;
    private const int HeroHeight = 880;

    // URL of each view, and the selector of its last element.
    private static readonly Dictionary<string, (string Address, string Ready)> Views = new()
    {
        ["look"] = ("look?model=residual&other=inception&image=7", ".panel[data-model='inception'] .best"),
        ["map"] = ("look?model=residual&image=7", ".layer[data-node='rBlock1/Relu_1'] canvas"),
        ["runs"] = ("runs?pick=first", ".chart:last-child [data-run=first] .dot"),
        ["confusion"] = ("confusion/residual?true=4&answer=9", ".image-list img"),
    };

    public static TheoryData<string, int, bool, string> Looks
    {
        get
        {
            var looks = new TheoryData<string, int, bool, string>();
            foreach (var view in Views.Keys)
            {
                looks.Add(view, Desk, false, "en-US");
                looks.Add(view, Desk, true, "zh-CN");
                looks.Add(view, Phone, true, "en-US");
                looks.Add(view, Phone, false, "zh-CN");
            }

            return looks;
        }
    }

    public void Dispose() => page.AssertQuiet();

    [Theory]
    [MemberData(nameof(Looks))]
    public void Each_view_fits_the_window_theme_and_language(string view, int width, bool isDark, string language)
    {
        var browser = Show(view, width, isDark, language);
        Assert.Equal(width, browser.Run<int>("return innerWidth"));
        Assert.InRange(browser.Run<int>("return document.documentElement.scrollWidth"), 1, width);
        var ground = Digits().Matches(browser.Run<string>("return getComputedStyle(document.body).backgroundColor")).Average(
            part => int.Parse(part.Value));
        Assert.Equal(isDark, ground < 64);
        Assert.Equal(language[..2], browser.Run<string>("return document.documentElement.lang")[..2]);
        var headings = browser.FindAll(".view:not([hidden]) h2").Select(heading => heading.Text).Where(text => text.Length > 0).ToArray();
        Assert.NotEmpty(headings);
        Assert.All(
            headings, heading => Assert.True(Names().IsMatch(heading) || Chinese().IsMatch(heading) == (language == "zh-CN"), heading));
        Assert.Empty(browser.Barriers());
    }

    [Fact]
    public void The_button_changes_the_language_permanently()
    {
        var browser = Show("confusion");
        browser.Find("#language").Click();
        Browser.WaitUntil("Chinese", () => browser.Find("#confusion h2").Text == "混淆矩阵");
        browser.Find("nav a").Click();
        Assert.Equal("画一个数字", browser.Find("#pen-title").Text);
        browser.Reload();
        Assert.Equal("画一个数字", browser.Find("#pen-title").Text);
        browser.Find("#language").Click();
        Assert.Equal("Draw a digit", browser.Find("#pen-title").Text);
    }

    [Theory]
    [InlineData("look")]
    [InlineData("map")]
    [InlineData("runs")]
    [InlineData("confusion")]
    public void The_docs_have_a_screenshot_of_each_view(string view)
    {
        var path = Path.Combine(RepositoryRoot.FullPath, "docs", "guides", $"serve-{view}.png");
        if (Environment.GetEnvironmentVariable("MNIST_CNN_SCREENSHOTS") == "write")
        {
            var browser = Pose(view);
            File.WriteAllBytes(path, Small(browser.Photograph(), Shown(browser, view)));
        }

        using var picture = SKBitmap.Decode(path);
        Assert.InRange(picture.Width, view == "map" ? Desk / 2 : Desk, Desk);
        Assert.InRange(new FileInfo(path).Length, 1, 400_000);
        Assert.Contains($"](serve-{view}.png)", File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, "docs", "guides", "serve.md")));
    }

    [Theory]
    [InlineData("hero.png", false)]
    [InlineData("hero-dark.png", true)]
    public void The_readme_has_a_screenshot_of_both_networks_for_light_and_dark_themes(string name, bool isDark)
    {
        var path = Path.Combine(RepositoryRoot.FullPath, "docs", name);
        if (Environment.GetEnvironmentVariable("MNIST_CNN_SCREENSHOTS") == "write")
        {
            var browser = page.Open("look?model=inception&other=residual&image=7", isDark: isDark);
            browser.Find(".panel[data-model='residual'] .best");
            // Smaller, with few feature maps, so that the branches and the shortcut fit, from the top of the first drawing on.
            var top = browser.Run<int>(
                """
                document.documentElement.style.zoom = 0.8;
                for (const choice of document.querySelectorAll('.maps-per-layer select')) {
                  choice.value = '4';
                  choice.dispatchEvent(new Event('change', { bubbles: true }));
                }
                for (const part of document.querySelectorAll('.network .how, .network .under'))
                  part.remove();
                document.querySelectorAll('.network .scroll')[1].scrollLeft = 300;
                return Math.round(document.querySelector('.network').getBoundingClientRect().top + scrollY) - 10;
                """);
            File.WriteAllBytes(path, Small(browser.Photograph(), new SKRectI(0, top, Desk, top + HeroHeight)));
        }

        using var picture = SKBitmap.Decode(path);
        Assert.Equal((Desk, HeroHeight), (picture.Width, picture.Height));
        Assert.InRange(new FileInfo(path).Length, 1, 300_000);
        Assert.All(
            ["README.md", "README.zh.md"],
            page => Assert.Contains($"\"docs/{name}\"", File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, page))));
    }

    private Browser Show(string view, int width = Desk, bool isDark = false, string language = "en-US")
    {
        if (view == "runs")
            page.Train("first");
        var browser = page.Open(Views[view].Address, width, isDark: isDark, language: language);
        var last = browser.Find(Views[view].Ready);
        if (view == "map")
        {
            Browser.WaitUntil("the answer", () => browser.Find("#answer").Text == "9");
            browser.Point(last, 0.1, 0.1);
            last.Click();
            browser.Find(".term canvas");
        }

        return browser;
    }

    // With runs that have curves.
    private Browser Pose(string view)
    {
        if (view is "look" or "map")
            return Show(view);
        string[] networks = ["residual", "inception", "residual-as-printed"];
        foreach (var network in networks)
            page.Train(network, network, images: 12_800, epochs: 6, learningRate: 0.05);
        var picks = string.Join('&', networks.Select(network => $"pick={network}"));
        var browser = page.Open(view == "runs" ? $"runs?{picks}" : "confusion/run:residual?true=9&answer=4");
        browser.Find(Views[view].Ready.Replace("first", "inception", StringComparison.Ordinal));
        // The path depends on the machine.
        browser.Run<bool>(
            """
            const note = document.querySelector('.runs .note');
            if (note)
              note.textContent = note.textContent.replace(/\/\S*runs/, 'runs');
            return true;
            """);
        return browser;
    }

    // The part of the page that a screenshot shows: the card of the feature map, or everything down to the last card.
    private static SKRectI Shown(Browser browser, string view)
    {
        const int Margin = 10;
        var card = view == "map" ? "#map" : ".view:not([hidden])";
        var edges = browser.Run<string>(
            $$"""
            const box = document.querySelector('{{card}}').getBoundingClientRect();
            return [box.left, box.top + scrollY, box.right, box.bottom + scrollY].map(Math.round).join(' ');
            """).Split(' ').Select(edge => int.Parse(edge, CultureInfo.InvariantCulture)).ToArray();
        return view == "map"
            ? new SKRectI(edges[0] - Margin, edges[1] - Margin, edges[2] + Margin, edges[3] + Margin)
            : new SKRectI(0, 0, Desk, edges[3] + Margin);
    }

    private static byte[] Small(byte[] png, SKRectI? part = null)
    {
        using var page = SKBitmap.Decode(png);
        using var picture = new SKBitmap();
        Assert.True(page.ExtractSubset(picture, part ?? page.Info.Rect));
        using var pixels = picture.PeekPixels();
        using var data = pixels!.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, 9));
        return data!.ToArray();
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Digits();

    [GeneratedRegex("^(Residual|Inception)$")]
    private static partial Regex Names();

    [GeneratedRegex(@"\p{IsCJKUnifiedIdeographs}")]
    private static partial Regex Chinese();
}
