using System.Xml.Linq;
using MnistCnn.Reporting.Plots;
using MnistCnn.Training;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class ConfusionPlotTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_name_is_written_at_both_sides_as_long_as_there_is_room()
    {
        Assert.All(Answers.Fashion, name => Assert.Equal(2, Texts(10, Answers.Fashion).Count(text => text == name)));
        var long_ = new string('n', 100);
        Assert.Equal(2, Texts(2, ["short", long_]).Count(text => text.Length < 30 && text.StartsWith("nnnnn") && text.EndsWith('…')));
    }

    [Theory]
    [InlineData(60, 2)]
    [InlineData(110, 3)]
    [InlineData(300, 7)]
    public void Of_many_names_every_so_many_th_is_written(int classes, int every)
    {
        var texts = Texts(classes, [.. Enumerable.Range(0, classes).Select(number => $"class {number}")]);
        var written = Enumerable.Range(0, classes).Where(number => texts.Contains($"class {number}")).ToArray();
        Assert.Equal(Enumerable.Range(0, classes).Where(number => number % every == 0), written);
    }

    // A picture without numbers has the colours of its cells alone.
    [Theory]
    [InlineData(2, true)]
    [InlineData(20, true)]
    [InlineData(21, false)]
    public void Up_to_20_classes_have_numbers_in_their_cells(int classes, bool hasNumbers)
    {
        ConfusionPlot.Draw(folder["confusion.png"], "Net", Answers.Of(classes, accuracy: 1), [.. Enumerable.Range(0, classes).Select(number => $"{number}")]);
        using var picture = SKBitmap.Decode(folder["confusion.png"]);
        var colours = Enumerable.Range(picture.Width / 5, picture.Width / 2)
            .SelectMany(x => Enumerable.Range(picture.Height / 5, picture.Height / 2).Select(y => picture.GetPixel(x, y))).Distinct().Count();
        Assert.InRange(colours, hasNumbers ? 10 : 2, hasNumbers ? 1000 : 2);
    }

    // Where every cell holds something, the least of them is still darker than nothing would be.
    [Fact]
    public void The_number_of_the_lightest_cell_can_be_read()
    {
        ConfusionPlot.Draw(folder["confusion.png"], "Net", Answers.Of(2), ["a", "b"]);
        using var picture = SKBitmap.Decode(folder["confusion.png"]);
        Assert.InRange(picture.GetPixel(700, 150).Red, 0, 200);
    }

    // Nine of ten are right in both classes, of 10 images and of 1,000.
    [Fact]
    public void A_cell_is_as_dark_as_its_share_of_the_row_and_a_bar_says_so()
    {
        long[] labels = [.. Enumerable.Range(0, 1010).Select(image => image < 10 ? 0L : 1)];
        long[] predictions = [.. labels.Select((label, image) => image % 10 == 0 ? 1 - label : label)];
        var evaluation = new Evaluation(0.5, labels, predictions, new double[1010], 2, new long[1010]);
        ConfusionPlot.Draw(folder["confusion.png"], "Net", evaluation, ["a", "b"]);
        using var picture = SKBitmap.Decode(folder["confusion.png"]);
        Assert.Equal(picture.GetPixel(150, 150), picture.GetPixel(700, 650));
        Assert.Equal(picture.GetPixel(700, 150), picture.GetPixel(150, 650));
        Assert.NotEqual(picture.GetPixel(150, 150), picture.GetPixel(150, 650));
        HashSet<string> bar = ["Share of the images of the row's class", "0.1 %", "100 %"];
        Assert.Superset(bar, Texts(2, ["a", "b"]).ToHashSet());
    }

    private string[] Texts(int classes, IReadOnlyList<string> names)
    {
        ConfusionPlot.Draw(folder["confusion.svg"], "Net", Answers.Of(classes, 20), names);
        return [.. XDocument.Load(folder["confusion.svg"]).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value.Trim())];
    }
}
