using MnistCnn.Benchmarks;
using SkiaSharp;

namespace MnistCnn.Tests;

/// <summary>
/// Compares the pages and charts of speed with the saved figures of the benchmark. With the environment variable MNIST_CNN_PLOTS=write,
/// the tests write them again.
/// </summary>
public sealed class PerformancePageTests
{
    private static readonly Measurements Saved = Measurements.Read(PerformancePage.SavedMeasurements);

    public static TheoryData<string> Pages => [.. PerformancePage.Pages.Keys];

    static PerformancePageTests()
    {
        if (Environment.GetEnvironmentVariable("MNIST_CNN_PLOTS") == "write")
            PerformancePage.Write(Saved);
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Pages_have_the_figures_of_the_saved_measurements(string page)
    {
        var text = File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, page)).ReplaceLineEndings("\n");
        Assert.Equal(PerformancePage.Pages[page](Saved).ReplaceLineEndings("\n"), MeasuredBlock.Find(text, PerformancePage.Begin));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_chart_shows_the_saved_measurements(bool isDark)
    {
        using var folder = new TemporaryFolder();
        PerformanceChart.Draw(folder["chart.png"], Saved, isDark);
        using var drawn = SKBitmap.Decode(folder["chart.png"]);
        using var kept = SKBitmap.Decode(PerformancePage.Pictures.Single(picture => picture.IsDark == isDark).Path);
        Assert.Equal(drawn.Info.Size, kept.Info.Size);
        Assert.Equal(isDark, kept.GetPixel(0, 0).Red < 128);
        if (OperatingSystem.IsLinux()) // other systems smooth letters differently
            Assert.InRange(drawn.Pixels.Zip(kept.Pixels).Count(pair => Math.Abs(pair.First.Green - pair.Second.Green) > 64), 0, 5);
    }

    [Theory]
    [InlineData(0.8, 0.5, "20 % less time per epoch with Residual, and 50 % less with Inception")]
    [InlineData(1.25, 0.99, "25 % more time per epoch with Residual, and 1 % less with Inception")]
    public void The_title_states_the_median_ratios(double residual, double inception, string part)
    {
        Figure[] figures = [Ratio("residual", residual), Ratio("inception", inception)];
        var title = PerformancePage.Finding(new Measurements(Saved.Conditions, figures));
        Assert.Equal($"MnistCnn takes {part}, than the article's program on PyTorch", title);

        Figure Ratio(string network, double median) =>
            new(FigureName.Ratio(network, Saved.Conditions.Cores, ProgramName.Article), "", [0.1, median, 9]);
    }

    [Fact]
    public void Measurements_without_PyTorch_do_not_replace_the_saved_ones()
    {
        var before = File.ReadAllText(PerformancePage.SavedMeasurements);
        var withoutPyTorch = Saved with { Conditions = Saved.Conditions with { PyTorch = null } };
        Assert.Throws<InvalidDataException>(() => PerformancePage.Save(withoutPyTorch));
        Assert.Equal(before, File.ReadAllText(PerformancePage.SavedMeasurements));
    }
}
