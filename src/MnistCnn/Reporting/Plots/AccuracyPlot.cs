using MnistCnn.Charts;
using MnistCnn.Training;

namespace MnistCnn.Reporting.Plots;

/// <summary>Plots the test accuracy of a run over its epochs, again after every epoch.</summary>
/// <param name="epochs">Number of epochs of the whole run, the right end of the axis.</param>
/// <param name="history">Finished epochs of a resumed run.</param>
internal sealed class AccuracyPlot(string path, string title, int epochs, IReadOnlyList<EpochMetrics> history) : ITrainingCallback
{
    private readonly List<EpochMetrics> finished = [.. history];

    public void OnEpochEnd(EpochMetrics epoch)
    {
        finished.Add(epoch);
        Draw();
    }

    /// <summary>Draws the finished epochs, at least one.</summary>
    public void Draw()
    {
        var best = EpochMetrics.Best(finished)!;
        var heading = $"{title}: best {best.TestAccuracy:F2} % ({TrainingText.BestEpoch(best, finished.Count)})";
        var curve = Curve.OverEpochs(title, finished.Select(epoch => epoch.TestAccuracy));
        PlotFile.TryDraw(path, () => ChartPlot.Draw(path, new Chart(heading, "Epoch", Chart.AccuracyLabel, [curve], epochs)));
    }
}
