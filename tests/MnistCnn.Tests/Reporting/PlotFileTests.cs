using MnistCnn.Reporting.Plots;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class PlotFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a.png", true)]
    [InlineData("a.SVG", true)]
    [InlineData("a.b/c.jpeg", true)]
    [InlineData("a.gif", false)]
    [InlineData("png", false)]
    public void Known_endings_are_recognized_in_any_case(string path, bool isKnown) => Assert.Equal(isKnown, PlotFile.HasKnownEnding(path));

    [Theory]
    [InlineData(".png", SKEncodedImageFormat.Png)]
    [InlineData(".jpg", SKEncodedImageFormat.Jpeg)]
    [InlineData(".JPEG", SKEncodedImageFormat.Jpeg)]
    [InlineData(".bmp", SKEncodedImageFormat.Bmp)]
    [InlineData(".webp", SKEncodedImageFormat.Webp)]
    public void Every_known_ending_writes_a_file_of_its_format(string ending, SKEncodedImageFormat format)
    {
        PlotFile.Write(folder["plot" + ending], 40, 30, canvas => canvas.DrawRect(0, 0, 20, 30, new SKPaint { Color = SKColors.Black }));
        using var codec = SKCodec.Create(folder["plot" + ending]);
        Assert.Equal((format, 40, 30), (codec.EncodedFormat, codec.Info.Width, codec.Info.Height));
        using var bitmap = SKBitmap.Decode(codec);
        Assert.InRange(bitmap.GetPixel(10, 15).Red, 0, 10);
        Assert.InRange(bitmap.GetPixel(30, 15).Red, 245, 255);
    }

    [Fact]
    public void A_plot_that_cannot_be_drawn_is_one_warning_per_file()
    {
        using var error = new StringWriter();
        var console = Console.Error;
        Console.SetError(error);
        try
        {
            for (var attempt = 0; attempt < 3; attempt++)
                Assert.False(PlotFile.TryDraw(folder["a.png"], () => throw new InvalidOperationException("no\nink")));
            Assert.False(PlotFile.TryDraw(folder["missing/b.png"], () => PlotFile.Write(folder["missing/b.png"], 10, 10, _ => { })));
            Assert.True(PlotFile.TryDraw(folder["c.png"], () => PlotFile.Write(folder["c.png"], 10, 10, _ => { })));
        }
        finally
        {
            Console.SetError(console);
        }

        var lines = error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal($"warning: {folder["a.png"]} was not drawn: no ink", lines[0]);
        Assert.StartsWith($"warning: {folder["missing/b.png"]} was not drawn: ", lines[1]);
        Assert.Equal(2, lines.Length);
        Assert.Equal(["c.png"], folder.Contents);
    }

    [Fact]
    public void A_failed_write_leaves_the_old_file()
    {
        File.WriteAllText(folder["a.png"], "old");
        Assert.Throws<InvalidOperationException>(() => PlotFile.Write(folder["a.png"], 10, 10, _ => throw new InvalidOperationException()));
        Assert.Equal("old", File.ReadAllText(folder["a.png"]));
        Assert.Equal(["a.png"], folder.Contents);
    }
}
