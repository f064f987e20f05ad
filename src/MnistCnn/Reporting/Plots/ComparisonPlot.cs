using MnistCnn.Charts;
using MnistCnn.Runs;
using MnistCnn.Training;

namespace MnistCnn.Reporting.Plots;

/// <summary>Plots accuracy and loss of several runs over the epochs, side by side.</summary>
internal static class ComparisonPlot
{
    /// <returns>Whether the file was written; see <see cref="PlotFile.TryDraw"/>.</returns>
    public static bool Draw(string path, IReadOnlyList<RunRecord> runs)
    {
        var epochs = runs.Max(run => run.Epochs.Count);
        return ChartPlot.Draw(
            path,
            new Chart("Accuracy", "Epoch", Chart.AccuracyLabel, Curves(epoch => epoch.TestAccuracy)) { IntegerAxisMax = epochs },
            new Chart("Loss", "Epoch", "Cross entropy of the test images (nats)", Curves(epoch => epoch.TestLoss)) { IntegerAxisMax = epochs });

        Curve[] Curves(Func<EpochMetrics, double> value) => [.. runs.Select(run => Curve.OverEpochs(run.Name, run.Epochs.Select(value)))];
    }
}
