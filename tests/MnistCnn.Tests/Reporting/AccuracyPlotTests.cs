using System.Xml.Linq;
using MnistCnn.Reporting.Plots;
using MnistCnn.Training;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class AccuracyPlotTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_epoch_draws_the_plot_again()
    {
        var plot = new AccuracyPlot(folder["accuracy.png"], "Residual", epochs: 10, history: []);
        var plots = new List<byte[]>();
        foreach (var accuracy in new[] { 97.0, 98.5, 98.2 })
        {
            plot.OnEpochEnd(new EpochMetrics(plots.Count + 1, 0.1, 0.1, accuracy, 1, 1, 60000));
            plots.Add(File.ReadAllBytes(folder["accuracy.png"]));
            using var bitmap = SKBitmap.Decode(plots[^1]);
            Assert.Equal((800, 500), (bitmap.Width, bitmap.Height));
        }

        Assert.Equal(3, plots.Select(Convert.ToBase64String).Distinct().Count());
        Assert.Equal(["accuracy.png"], folder.Contents);
    }

    [Fact]
    public void The_plot_names_its_axes_and_the_best_accuracy()
    {
        var plot = new AccuracyPlot(folder["accuracy.svg"], "Residual", epochs: 3, history: []);
        plot.OnEpochEnd(new EpochMetrics(1, 0.1, 0.1, 97.25, 1, 1, 60000));
        plot.OnEpochEnd(new EpochMetrics(2, 0.1, 0.1, 97.125, 1, 1, 60000));
        string[] texts =
        [
            .. from element in XDocument.Load(folder["accuracy.svg"]).Descendants()
               where element.Name.LocalName == "text"
               select element.Value.Trim(),
        ];
        Assert.Contains("Residual: best 97.25 % (epoch 1, chosen on the test images)", string.Join(' ', texts));
        Assert.Contains("Epoch", texts);
        Assert.Contains(texts, text => text.Contains('%') && text.Contains("Accuracy"));
        Assert.Equal(["1", "2", "3"], texts.Where(text => text.Length == 1));
    }
}
