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

    // In the picture, the first image has its middle at (90, 130) and may have a side of 140.
    [Theory]
    [InlineData(28, 28, 140, 140)]
    [InlineData(32, 32, 128, 128)]
    [InlineData(100, 100, 140, 140)]
    [InlineData(224, 224, 140, 140)]
    [InlineData(300, 150, 70, 140)]
    public void Images_of_any_size_fill_their_cell_in_colour(int height, int width, int shownWidth, int shownHeight)
    {
        using var colour = tensor(new byte[] { 200, 100, 50 }).view(1, 3, 1, 1).expand(1, 3, height, width).contiguous();
        using var picture = Draw(colour, ["cat", "dog"]);
        Assert.Equal(new SKColor(200, 100, 50), picture.GetPixel(90, 130));
        Assert.Equal((shownWidth, shownHeight), Extent(picture, pixel => pixel.Red is > 150 and < 230 && pixel.Blue < 120));
    }

    // Each pixel is a square of 5x5; grey stays grey.
    [Fact]
    public void The_pixels_of_small_images_can_be_seen()
    {
        using var dot = zeros(1, 1, 28, 28, ScalarType.Byte);
        dot[0, 0, 3, 4] = 200;
        using var picture = Draw(dot, ["0", "1"]);
        for (var y = 60; y < 200; y++)
            for (var x = 20; x < 160; x++)
                Assert.Equal(x is >= 40 and < 45 && y is >= 75 and < 80 ? new SKColor(200, 200, 200) : SKColors.Black, picture.GetPixel(x, y));
    }

    [Fact]
    public void Names_of_one_character_make_one_line_and_others_three()
    {
        using var image = zeros(1, 1, 28, 28, ScalarType.Byte);
        Assert.Contains("is 0, found 1 (75.0 %)", Texts(image, ["0", "1"]));
        Assert.Superset(new HashSet<string> { "is T-shirt/top", "found Ankle boot", "(75.0 %)" }, Texts(image, ["T-shirt/top", "Ankle boot"]));
        Assert.Contains(Texts(image, [new string('n', 100), "b"]), text => text.StartsWith("is nnnnn") && text.EndsWith('…') && text.Length < 30);
    }

    private static (int Width, int Height) Extent(SKBitmap picture, Func<SKColor, bool> isImage)
    {
        var (columns, rows) = (Enumerable.Range(0, picture.Width), Enumerable.Range(0, picture.Height));
        return (columns.Count(x => rows.Any(y => isImage(picture.GetPixel(x, y)))), rows.Count(y => columns.Any(x => isImage(picture.GetPixel(x, y)))));
    }

    private SKBitmap Draw(Tensor image, IReadOnlyList<string> names)
    {
        Write("mistakes.png", image, names);
        return SKBitmap.Decode(folder["mistakes.png"]);
    }

    private HashSet<string> Texts(Tensor image, IReadOnlyList<string> names)
    {
        Write("mistakes.svg", image, names);
        return [.. XDocument.Load(folder["mistakes.svg"]).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value.Trim())];
    }

    private void Write(string name, Tensor image, IReadOnlyList<string> names)
    {
        using var labels = zeros(1, ScalarType.Int64);
        MistakesPlot.Draw(folder[name], "Net", new Evaluation(1, [0], [1], [0.75], 2), new LabeledImages(image, labels), names);
    }
}
