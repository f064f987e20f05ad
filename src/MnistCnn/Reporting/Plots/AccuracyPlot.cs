using System.Globalization;
using MnistCnn.Charts;
using MnistCnn.Training;

namespace MnistCnn.Reporting.Plots;

/// <summary>
/// The picture of a run: accuracy in percent over the epochs. Drawn anew after every epoch, so that a run that is cut
/// short has its picture.
/// </summary>
/// <param name="path">Where to; its ending is one of <see cref="PlotFile.Endings"/>.</param>
/// <param name="title">The name of the network.</param>
/// <param name="epochs">How many epochs there will be.</param>
/// <param name="history">The epochs that are over already.</param>
internal sealed class AccuracyPlot(string path, string title, int epochs, IReadOnlyList<EpochMetrics> history) : ITrainingCallback
{
    private readonly List<EpochMetrics> done = [.. history];

    /// <inheritdoc/>
    public void OnEpochEnd(EpochMetrics epoch)
    {
        done.Add(epoch);
        Draw();
    }

    /// <summary>Draws the epochs so far, at least one.</summary>
    public void Draw()
    {
        var best = EpochMetrics.Best(done)!;
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{title}: best {best.TestAccuracy:F2} % ({TrainingText.Chosen(best, done.Count)})");
        ChartPlot.Draw(path, new Chart(text, "Epoch", Chart.AccuracyLabel, [Curve.OverEpochs(title, done.Select(epoch => epoch.TestAccuracy))]) { IntegerAxisMax = epochs });
    }
}
