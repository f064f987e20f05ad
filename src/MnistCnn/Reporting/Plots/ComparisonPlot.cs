using MnistCnn.Charts;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Reporting.Plots;

/// <summary>Plots accuracy and loss of several runs over the epochs, side by side.</summary>
internal static class ComparisonPlot
{
    public static void Draw(string path, IReadOnlyList<RunRecord> runs)
    {
        var epochs = runs.Max(run => run.Epochs.Count);
        ChartPlot.Draw(
            path,
            CreateChart("Accuracy", Chart.AccuracyLabel, epoch => epoch.TestAccuracy),
            CreateChart("Loss", "Cross entropy of the test images (nats)", epoch => epoch.TestLoss));

        Chart CreateChart(string title, string yLabel, Func<EpochMetrics, double> value) =>
            new(title, "Epoch", yLabel, [.. runs.Select(run => Curve.OverEpochs(PrintableText.Escape(run.Name), run.Epochs.Select(value)))])
            {
                IntegerAxisMax = epochs,
            };
    }
}
