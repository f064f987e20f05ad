using System.Xml.Linq;
using MnistCnn.Reporting;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class ChartTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Charts_stand_side_by_side()
    {
        var curves = new[] { Curve.OverEpochs("one", [1, 2]), Curve.OverEpochs("two", [2]) };
        var charts = new[] { new Chart("left", "x", "y", curves), new Chart("right", "x", "y", curves) { Epochs = 2 } };
        Chart.Draw(folder["both.png"], charts);
        using var bitmap = SKBitmap.Decode(folder["both.png"]);
        Assert.Equal((2 * Chart.Width, Chart.Height), (bitmap.Width, bitmap.Height));
        foreach (var side in bitmap.Pixels.Index().GroupBy(pixel => pixel.Index % bitmap.Width / Chart.Width))
            Assert.Contains(side, pixel => pixel.Item == SKColors.Black);

        Chart.Draw(folder["both.svg"], charts);
        var texts = XDocument.Load(folder["both.svg"]).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value.Trim());
        Assert.Equal(2, texts.Count(text => text == "two"));
        Assert.Contains("left", texts);
        Assert.Contains("right", texts);
    }

    [Fact]
    public void A_legend_names_several_curves_and_not_a_single_one()
    {
        Chart.Draw(folder["one.svg"], new Chart("title", "x", "y", [Curve.OverEpochs("name", [1, 2])]));
        Assert.DoesNotContain("name", File.ReadAllText(folder["one.svg"]));
    }
}
