using System.Xml.Linq;
using MnistCnn.Charts;
using MnistCnn.Reporting.Plots;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class ChartPlotTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Charts_are_drawn_side_by_side()
    {
        var curves = new[] { Curve.OverEpochs("one", [1, 2]), Curve.OverEpochs("two", [2]) };
        var charts = new[] { new Chart("left", "x", "y", curves), new Chart("right", "x", "y", curves) { IntegerAxisMax = 2 } };
        ChartPlot.Draw(folder["both.png"], charts);
        using var bitmap = SKBitmap.Decode(folder["both.png"]);
        Assert.Equal((2 * ChartPlot.Width, ChartPlot.Height), (bitmap.Width, bitmap.Height));
        foreach (var side in bitmap.Pixels.Index().GroupBy(pixel => pixel.Index % bitmap.Width / ChartPlot.Width))
            Assert.Contains(side, pixel => pixel.Item == SKColors.Black);

        ChartPlot.Draw(folder["both.svg"], charts);
        var texts = TextsOf("both.svg").Select(element => element.Value.Trim()).ToArray();
        Assert.Equal(2, texts.Count(text => text == "two"));
        Assert.Contains("left", texts);
        Assert.Contains("right", texts);
    }

    [Fact]
    public void A_single_curve_needs_no_name()
    {
        ChartPlot.Draw(folder["one.svg"], new Chart("title", "x", "y", [Curve.OverEpochs("name", [1, 2])]));
        Assert.DoesNotContain("name", File.ReadAllText(folder["one.svg"]));
    }

    [Fact]
    public void Names_are_drawn_at_the_ends_of_their_curves_without_overlap()
    {
        Curve[] curves = [Curve.OverEpochs("high", [1, 9]), Curve.OverEpochs("twin", [1, 9]), Curve.OverEpochs("low", [1, 2])];
        var texts = Texts(new Chart("title", "x", "y", curves));
        var (high, twin, low) = (texts["high"], texts["twin"], texts["low"]);
        Assert.Equal(high.X, low.X, 0.5);
        Assert.InRange(high.X, ChartPlot.Width / 2, ChartPlot.Width - 40);
        Assert.InRange(Math.Abs(twin.Y - high.Y), 20, 30);
        Assert.True(low.Y > 150 + Math.Max(high.Y, twin.Y));
    }

    [Fact]
    public void A_curve_without_a_name_has_no_label_and_a_thin_one_no_markers()
    {
        int Ink(bool isThin)
        {
            var second = Curve.OverEpochs("", [3, 2, 1]) with { StyleIndex = 1, IsThin = isThin };
            ChartPlot.Draw(folder["thin.png"], new Chart("title", "x", "y", [Curve.OverEpochs("bold", [1, 2, 3]), second]));
            using var bitmap = SKBitmap.Decode(folder["thin.png"]);
            return bitmap.Pixels.Count(pixel => pixel == new SKColor(0xE6, 0x9F, 0x00));
        }

        Assert.InRange(Ink(isThin: true), 50, Ink(isThin: false) / 2);
    }

    [Fact]
    public void A_missing_value_is_a_gap_and_a_curve_without_a_line_has_only_markers()
    {
        var (whole, gap, zero) = (Ink([1, 1, 1, 1, 1]), Ink([1, 1, double.NaN, 1, 1]), Ink([1, 1, 0, 1, 1], isLog: true));
        Assert.InRange(gap, whole / 4, 3 * whole / 4);
        Assert.InRange(zero, whole / 4, 3 * whole / 4);
        Assert.InRange(Ink([1, 1, 1, 1, 1], hasLine: false), 1, whole / 2);

        int Ink(double[] values, bool isLog = false, bool hasLine = true)
        {
            var curve = new Curve("a", [1, 2, 3, 4, 5], values) { StyleIndex = 1, HasLine = hasLine };
            ChartPlot.Draw(folder["gap.png"], new Chart("title", "x", "y", [curve]) { LogY = isLog });
            using var bitmap = SKBitmap.Decode(folder["gap.png"]);
            return bitmap.Pixels.Count(pixel => pixel == new SKColor(0xE6, 0x9F, 0x00));
        }
    }

    [Fact]
    public void A_point_can_have_a_mark() => Assert.Contains(
        "1 of 5", Texts(new Chart("title", "x", "y", [new Curve("a", [1, 2], [1, 2]) { Marks = ["", "1 of 5"] }])).Keys);

    [Fact]
    public void Names_without_space_at_the_ends_are_in_a_legend()
    {
        var wide = new string('n', 60);
        var texts = Texts(new Chart("title", "x", "y", [Curve.OverEpochs(wide, [1, 2]), Curve.OverEpochs("b", [2, 3])]));
        Assert.Contains(wide, texts.Keys);
        Assert.Contains("b", texts.Keys);
        Curve[] manyCurves = [.. Enumerable.Range(10, 30).Select(index => Curve.OverEpochs($"n{index}", [index]))];
        var many = Texts(new Chart("title", "x", "y", manyCurves));
        Assert.Contains("n10", many.Keys);
    }

    [Fact]
    public void Labels_are_moved_apart_as_little_as_possible()
    {
        Assert.Equal([10, 50, 90], CurveLabels.Spread([10, 50, 90], 20, 0, 100));
        Assert.Equal([20, 40, 80], CurveLabels.Spread([30, 30, 80], 20, 0, 100));
        Assert.Equal([0, 20, 40], CurveLabels.Spread([0, 1, 2], 20, 0, 100));
        Assert.Equal([60, 80, 100], CurveLabels.Spread([97, 98, 99], 20, 0, 100));
        Assert.Equal([10, 30, 50, 70], CurveLabels.Spread([20, 40, 50, 50], 20, 0, 100));
    }

    [Fact]
    public void The_heading_and_the_notes_are_wrapped_above_the_charts()
    {
        var chart = new Chart("title", "x", "y", [Curve.OverEpochs("a", [1, 2])]);
        int HeightOf(string heading, params string[] notes)
        {
            ChartPlot.Draw(folder["head.png"], heading, notes, [[chart]]);
            using var bitmap = SKBitmap.Decode(folder["head.png"]);
            Assert.Equal(ChartPlot.Width, bitmap.Width);
            return bitmap.Height;
        }

        var one = HeightOf("A claim");
        Assert.True(one > ChartPlot.Height);
        Assert.True(HeightOf(string.Join(' ', Enumerable.Repeat("claim", 20))) > one);
        Assert.True(HeightOf("A claim", "a note") > one);
    }

    [Fact]
    public void A_percent_sign_stays_with_its_number()
    {
        using var canvas = new SKNoDrawCanvas(1, 1);
        using var painter = new TextPainter(canvas);
        var style = new TextStyle(20);
        Assert.Equal(["up to", "98 %"], painter.Wrap("up to 98 %", style, painter.Width("up to 98", style)));
    }

    [Fact]
    public void Logarithmic_axes_have_ticks_at_powers_of_ten_and_at_the_measured_values()
    {
        var texts = Texts(new Chart("title", "x", "y", [new Curve("a", [2, 8, 64], [1e-3, 0, 1e-27])]) { LogX = true, LogY = true });
        Assert.Superset(new HashSet<string> { "2", "8", "64", "10⁻²⁰", "10⁻¹⁰" }, texts.Keys.ToHashSet());
    }

    [Theory]
    [InlineData(1, 25, "2", "4", "16")]
    [InlineData(100.5, 25, "100.5", "124.5")] // no powers of two
    [InlineData(1000, 400, "1000", "1040")] // only one, 1024
    public void A_logarithmic_axis_with_many_values_has_ticks(double first, int count, params string[] some)
    {
        double[] x = [.. Enumerable.Range(0, count).Select(index => first + index)];
        var texts = Texts(new Chart("title", "x", "y", [new Curve("a", x, x)]) { LogX = true });
        Assert.Superset(some.ToHashSet(), texts.Keys.ToHashSet());
    }

    [Fact]
    public void A_logarithmic_axis_with_many_values_over_decades_has_ticks_at_powers_of_ten()
    {
        double[] x = [.. Enumerable.Range(0, 50).Select(index => 3e-5 * Math.Pow(1.2, index))];
        var texts = Texts(new Chart("title", "x", "y", [new Curve("a", x, [.. x.Select(value => 0.5)])]) { LogX = true });
        Assert.Superset(new HashSet<string> { "0.0001", "0.001", "0.01", "0.1" }, texts.Keys.ToHashSet());
        Assert.DoesNotContain("3E-05", texts.Keys);
    }

    [Fact]
    public void A_chart_without_drawable_values_is_empty()
    {
        Curve[] curves = [new Curve("a", [1, 2], [0, 0]), new Curve("b", [], [])];
        var texts = Texts(new Chart("title", "x", "y", curves) { LogY = true, LogX = true });
        Assert.Contains("title", texts.Keys);
        Assert.DoesNotContain("a", texts.Keys);
    }

    [Fact]
    public void A_short_logarithmic_axis_has_ticks_between_powers_of_ten()
    {
        Assert.Superset(
            new HashSet<string> { "0.02", "0.05", "0.1" },
            Texts(new Chart("title", "x", "y", [new Curve("a", [1, 2, 3], [0.16, 0.05, 0.015])]) { LogY = true }).Keys.ToHashSet());
    }

    [Fact]
    public void Repeated_measurements_become_a_mean_with_a_band()
    {
        var curve = Curve.MeanWithRange("a", [(2, 5), (1, 1), (1, 3), (1, 8)]);
        Assert.Equal([1, 2], curve.X);
        Assert.Equal([4, 5], curve.Y);
        Assert.Equal([1, 5], curve.Low!);
        Assert.Equal([8, 5], curve.High!);
        int Colours(Curve drawn)
        {
            ChartPlot.Draw(folder["band.png"], new Chart("title", "x", "y", [drawn]));
            using var bitmap = SKBitmap.Decode(folder["band.png"]);
            return bitmap.Pixels.Count(pixel => pixel == new SKColor(0xD9, 0xD9, 0xD9));
        }

        Assert.True(Colours(curve) > 1000 + Colours(curve with { Low = null, High = null }));
    }

    // Texts of a chart and the positions of their first characters.
    private Dictionary<string, (double X, double Y)> Texts(Chart chart)
    {
        ChartPlot.Draw(folder["texts.svg"], chart);
        Dictionary<string, (double X, double Y)> texts = [];
        foreach (var element in TextsOf("texts.svg"))
            texts[element.Value.Trim()] = (First(element.Attribute("x")), First(element.Attribute("y")));
        return texts;

        static double First(XAttribute? positions) => double.Parse(positions!.Value.Split(',')[0]);
    }

    private IEnumerable<XElement> TextsOf(string file) =>
        XDocument.Load(folder[file]).Descendants().Where(element => element.Name.LocalName == "text");
}
