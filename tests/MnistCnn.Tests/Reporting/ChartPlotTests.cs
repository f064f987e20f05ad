using System.Xml.Linq;
using MnistCnn.Experiments;
using MnistCnn.Reporting;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class ChartPlotTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Charts_stand_side_by_side()
    {
        var curves = new[] { Curve.OverEpochs("one", [1, 2]), Curve.OverEpochs("two", [2]) };
        var charts = new[] { new Chart("left", "x", "y", curves), new Chart("right", "x", "y", curves) { Epochs = 2 } };
        ChartPlot.Draw(folder["both.png"], charts);
        using var bitmap = SKBitmap.Decode(folder["both.png"]);
        Assert.Equal((2 * ChartPlot.Width, ChartPlot.Height), (bitmap.Width, bitmap.Height));
        foreach (var side in bitmap.Pixels.Index().GroupBy(pixel => pixel.Index % bitmap.Width / ChartPlot.Width))
            Assert.Contains(side, pixel => pixel.Item == SKColors.Black);

        ChartPlot.Draw(folder["both.svg"], charts);
        var texts = XDocument.Load(folder["both.svg"]).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value.Trim());
        Assert.Equal(2, texts.Count(text => text == "two"));
        Assert.Contains("left", texts);
        Assert.Contains("right", texts);
    }

    [Fact]
    public void A_legend_names_several_curves_and_not_a_single_one()
    {
        ChartPlot.Draw(folder["one.svg"], new Chart("title", "x", "y", [Curve.OverEpochs("name", [1, 2])]));
        Assert.DoesNotContain("name", File.ReadAllText(folder["one.svg"]));
    }

    [Fact]
    public void Logarithmic_axes_name_powers_of_ten_and_the_places_measured()
    {
        ChartPlot.Draw(folder["log.svg"], new Chart("title", "x", "y", [new Curve("a", [2, 8, 64], [1e-3, 0, 1e-27])]) { LogX = true, LogY = true });
        var texts = XDocument.Load(folder["log.svg"]).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value.Trim()).ToHashSet();
        Assert.Superset(new HashSet<string> { "2", "8", "64", "10⁻²⁰", "10⁻¹⁰" }, texts);
    }

    [Fact]
    public void Several_measurements_are_a_mean_with_a_band()
    {
        var curve = Curve.Mean("a", [(2, 5), (1, 1), (1, 3), (1, 8)]);
        Assert.Equal([1, 2], curve.X);
        Assert.Equal([4, 5], curve.Y);
        Assert.Equal([1, 5], curve.Low!);
        Assert.Equal([8, 5], curve.High!);
        int Colours(Curve drawn)
        {
            ChartPlot.Draw(folder["band.png"], new Chart("title", "x", "y", [drawn]));
            using var bitmap = SKBitmap.Decode(folder["band.png"]);
            return bitmap.Pixels.Count(pixel => pixel == new SKColor(0xCC, 0xCC, 0xCC));
        }

        Assert.True(Colours(curve) > 1000 + Colours(curve with { Low = null, High = null }));
    }
}
