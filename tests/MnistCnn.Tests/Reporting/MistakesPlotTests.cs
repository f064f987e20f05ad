using System.Xml.Linq;
using MnistCnn.Data;
using MnistCnn.Reporting.Plots;
using MnistCnn.Training;
using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Reporting;

public sealed class MistakesPlotTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // The first image is centred on (90, 130) and has at most 140x140 pixels.
    [Theory]
    [InlineData(28, 28, 140, 140)]
    [InlineData(32, 32, 128, 128)]
    [InlineData(100, 100, 140, 140)]
    [InlineData(224, 224, 140, 140)]
    [InlineData(300, 150, 70, 140)]
    public void Images_of_any_size_fill_their_cell_and_keep_their_colours(int height, int width, int shownWidth, int shownHeight)
    {
        using var colour = tensor(new byte[] { 200, 100, 50 }).view(1, 3, 1, 1).expand(1, 3, height, width).contiguous();
        using var plot = Draw(colour, ["cat", "dog"]);
        Assert.Equal(new SKColor(200, 100, 50), plot.GetPixel(90, 130));
        Assert.Equal((shownWidth, shownHeight), Extent(plot, pixel => pixel.Red is > 150 and < 230 && pixel.Blue < 120));
    }

    // Each pixel is a square of 5x5, in the same grey.
    [Fact]
    public void Pixels_of_small_images_become_squares()
    {
        using var dot = zeros(1, 1, 28, 28, ScalarType.Byte);
        dot[0, 0, 3, 4] = 200;
        using var plot = Draw(dot, ["0", "1"]);
        for (var y = 60; y < 200; y++)
            for (var x = 20; x < 160; x++)
                Assert.Equal(x is >= 40 and < 45 && y is >= 75 and < 80 ? new SKColor(200, 200, 200) : SKColors.Black, plot.GetPixel(x, y));
    }

    [Fact]
    public void Labels_have_two_lines_for_names_of_one_character_and_three_for_longer_ones()
    {
        using var image = zeros(1, 1, 28, 28, ScalarType.Byte);
        Assert.Superset(new HashSet<string> { "actual 0, predicted 1", "(75.0 %)" }, Texts(image, ["0", "1"]));
        HashSet<string> lines = ["actual T-shirt/top", "predicted Ankle boot", "(75.0 %)"];
        Assert.Superset(lines, Texts(image, ["T-shirt/top", "Ankle boot"]));
        Assert.Contains(
            Texts(image, [new string('n', 100), "b"]), text => text.StartsWith("actual nnnnn") && text.EndsWith('…') && text.Length < 30);
    }

    private static (int Width, int Height) Extent(SKBitmap plot, Func<SKColor, bool> isImage)
    {
        var (columns, rows) = (Enumerable.Range(0, plot.Width), Enumerable.Range(0, plot.Height));
        return (
            columns.Count(x => rows.Any(y => isImage(plot.GetPixel(x, y)))),
            rows.Count(y => columns.Any(x => isImage(plot.GetPixel(x, y)))));
    }

    private SKBitmap Draw(Tensor image, IReadOnlyList<string> names)
    {
        Write("mistakes.png", image, names);
        return SKBitmap.Decode(folder["mistakes.png"]);
    }

    private HashSet<string> Texts(Tensor image, IReadOnlyList<string> names)
    {
        Write("mistakes.svg", image, names);
        return
        [
            .. from element in XDocument.Load(folder["mistakes.svg"]).Descendants()
               where element.Name.LocalName == "text"
               select element.Value.Trim(),
        ];
    }

    private void Write(string name, Tensor image, IReadOnlyList<string> names)
    {
        using var labels = zeros(1, ScalarType.Int64);
        MistakesPlot.Draw(folder[name], "Net", new Evaluation(1, [0], [1], [0.75], 2), new LabeledImages(image, labels), names);
    }
}
