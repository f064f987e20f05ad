using MnistCnn.Networks;
using MnistCnn.Reporting;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Reporting;

public sealed class PredictionReportTests
{
    [Theory]
    [InlineData(1, 28, 28, 28, 56)]
    [InlineData(3, 32, 40, 32, 80)]
    [InlineData(3, 224, 224, 40, 80)]
    [InlineData(1, 300, 100, 40, 26)]
    [InlineData(1, 3, 300, 1, 80)]
    public void An_image_is_drawn_in_at_most_80_columns(int channels, int height, int width, int rows, int columns)
    {
        var pixels = Enumerable.Repeat(byte.MaxValue, channels * height * width).ToArray();
        var drawing = PredictionReport.Draw(pixels, new NetworkShape(channels, height, width, 10));
        Assert.Equal(rows, drawing.Count);
        Assert.All(drawing, row => Assert.Equal(new string('█', columns), row));
    }

    [Fact]
    public void Colours_and_the_pixels_of_large_images_are_averaged()
    {
        using var image = zeros(3, 80, 80, ScalarType.Byte);
        image[0, TensorIndex.Colon, TensorIndex.Slice(0, 40)] = 255; // red on the left, black on the right
        Assert.All(Draw(image), row => Assert.Equal(new string('░', 40), row));
        image[TensorIndex.Colon, TensorIndex.Slice(0, null, 2)] = 255; // every other line white
        Assert.All(Draw(image), row => Assert.Equal(new string('▒', 40) + new string('░', 40), row));
    }

    private static IReadOnlyList<string> Draw(Tensor image) =>
        PredictionReport.Draw(image.bytes.ToArray(), new NetworkShape((int)image.shape[0], (int)image.shape[1], (int)image.shape[2], 10));
}
