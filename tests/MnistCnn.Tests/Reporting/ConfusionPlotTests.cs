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
    public void Class_names_are_drawn_at_both_axes_and_long_ones_are_shortened()
    {
        Assert.All(Answers.Fashion, name => Assert.Equal(2, Texts(10, Answers.Fashion).Count(text => text == name)));
        var long_ = new string('n', 100);
        Assert.Equal(2, Texts(2, ["short", long_]).Count(text => text.Length < 30 && text.StartsWith("nnnnn") && text.EndsWith('…')));
    }

    [Theory]
    [InlineData(60, 2)]
    [InlineData(110, 3)]
    [InlineData(300, 7)]
    public void With_many_classes_only_every_nth_name_is_drawn(int classes, int every)
    {
        var texts = Texts(classes, [.. Enumerable.Range(0, classes).Select(number => $"class {number}")]);
        var written = Enumerable.Range(0, classes).Where(number => texts.Contains($"class {number}")).ToArray();
        Assert.Equal(Enumerable.Range(0, classes).Where(number => number % every == 0), written);
    }

    // A plot without numbers has only the colours of its cells.
    [Theory]
    [InlineData(2, true)]
    [InlineData(20, true)]
    [InlineData(21, false)]
    public void Cells_have_numbers_up_to_20_classes(int classes, bool hasNumbers)
    {
        string[] names = [.. Enumerable.Range(0, classes).Select(number => $"{number}")];
        ConfusionPlot.Draw(folder["confusion.png"], "Net", Answers.Of(classes, accuracy: 1), names);
        using var plot = SKBitmap.Decode(folder["confusion.png"]);
        var colours = (
            from x in Enumerable.Range(plot.Width / 5, plot.Width / 2)
            from y in Enumerable.Range(plot.Height / 5, plot.Height / 2)
            select plot.GetPixel(x, y)).Distinct().Count();
        Assert.InRange(colours, hasNumbers ? 10 : 2, hasNumbers ? 1000 : 2);
    }

    // The smallest fraction is still darker than an empty cell.
    [Fact]
    public void The_lightest_cell_that_is_not_empty_is_darker_than_the_background()
    {
        ConfusionPlot.Draw(folder["confusion.png"], "Net", Answers.Of(2), ["a", "b"]);
        using var plot = SKBitmap.Decode(folder["confusion.png"]);
        Assert.InRange(plot.GetPixel(700, 150).Red, 0, 200);
    }

    // Both classes have an accuracy of 90 %, with 10 and with 1,000 images.
    [Fact]
    public void The_shade_of_a_cell_is_its_fraction_of_the_row_and_a_color_bar_explains_it()
    {
        long[] labels = [.. Enumerable.Range(0, 1010).Select(image => image < 10 ? 0L : 1)];
        long[] predictions = [.. labels.Select((label, image) => image % 10 == 0 ? 1 - label : label)];
        var evaluation = new Evaluation(0.5, labels, predictions, new double[1010], 2, new long[1010]);
        ConfusionPlot.Draw(folder["confusion.png"], "Net", evaluation, ["a", "b"]);
        using var plot = SKBitmap.Decode(folder["confusion.png"]);
        Assert.Equal(plot.GetPixel(150, 150), plot.GetPixel(700, 650));
        Assert.Equal(plot.GetPixel(700, 150), plot.GetPixel(150, 650));
        Assert.NotEqual(plot.GetPixel(150, 150), plot.GetPixel(150, 650));
        HashSet<string> bar = ["Fraction of the images of the actual class", "0.1 %", "100 %"];
        Assert.Superset(bar, Texts(2, ["a", "b"]).ToHashSet());
    }

    private string[] Texts(int classes, IReadOnlyList<string> names)
    {
        ConfusionPlot.Draw(folder["confusion.svg"], "Net", Answers.Of(classes, 20), names);
        return
        [
            .. from element in XDocument.Load(folder["confusion.svg"]).Descendants()
               where element.Name.LocalName == "text"
               select element.Value.Trim(),
        ];
    }
}
