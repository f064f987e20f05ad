using MnistCnn.Reporting;
using MnistCnn.Training;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class AccuracyPlotTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_epoch_draws_the_picture_anew()
    {
        var plot = new AccuracyPlot(folder["accuracy.png"], "Residual", epochs: 10, history: []);
        var pictures = new List<byte[]>();
        foreach (var accuracy in new[] { 97.0, 98.5, 98.2 })
        {
            plot.OnEpoch(new EpochMetrics(pictures.Count + 1, 0.1, 0.1, accuracy, 1, 1, 60000));
            pictures.Add(File.ReadAllBytes(folder["accuracy.png"]));
            using var bitmap = SKBitmap.Decode(pictures[^1]);
            Assert.Equal((800, 500), (bitmap.Width, bitmap.Height));
        }

        Assert.Equal(3, pictures.Select(Convert.ToBase64String).Distinct().Count());
        Assert.Equal(["accuracy.png"], folder.Contents);
    }

    [Fact]
    public void The_picture_says_what_it_shows()
    {
        var plot = new AccuracyPlot(folder["accuracy.svg"], "Residual", epochs: 3, history: []);
        plot.OnEpoch(new EpochMetrics(1, 0.1, 0.1, 97.25, 1, 1, 60000));
        plot.OnEpoch(new EpochMetrics(2, 0.1, 0.1, 97.125, 1, 1, 60000));
        var texts = System.Xml.Linq.XDocument.Load(folder["accuracy.svg"]).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value.Trim()).ToArray();
        Assert.Contains("Residual on MNIST: best 97.25 % (epoch 1)", texts);
        Assert.Contains("Epoch", texts);
        Assert.Contains(texts, text => text.Contains('%') && text.Contains("Accuracy"));
        Assert.Equal(["1", "2", "3"], texts.Where(text => text.Length == 1));
    }

    [Theory]
    [InlineData("a.png", true)]
    [InlineData("a.SVG", true)]
    [InlineData("a.b/c.jpeg", true)]
    [InlineData("a.gif", false)]
    [InlineData("png", false)]
    public void Endings_are_told_apart(string path, bool isKnown) => Assert.Equal(isKnown, AccuracyPlot.HasKnownEnding(path));

    [Theory]
    [InlineData(".png")]
    [InlineData(".jpg")]
    [InlineData(".jpeg")]
    [InlineData(".bmp")]
    [InlineData(".webp")]
    public void Every_known_ending_gives_a_picture(string ending)
    {
        AccuracyPlot.Draw(folder["plot" + ending], "two", [new Curve("a", [90, 95]), new Curve("b", [91])], 2);
        using var file = File.OpenRead(folder["plot" + ending]);
        using var codec = SKCodec.Create(file);
        Assert.Equal(800, codec.Info.Width);
    }
}
