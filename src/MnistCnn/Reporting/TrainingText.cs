using System.Globalization;
using MnistCnn.Training;

namespace MnistCnn.Reporting;

/// <summary>How the figures of a run are put into words.</summary>
internal static class TrainingText
{
    /// <summary>An epoch in one line.</summary>
    public static string Epoch(EpochMetrics epoch) => string.Create(
        CultureInfo.InvariantCulture,
        $"Epoch {epoch.Epoch,2}: accuracy {epoch.TestAccuracy:F2} %, loss {epoch.TrainLoss:F4} training, {epoch.TestLoss:F4} test, {epoch.TrainSeconds + epoch.TestSeconds:F1} s");

    /// <summary>A time as minutes and seconds, or with hours where there are any.</summary>
    public static string Duration(TimeSpan time) =>
        time.ToString(time.TotalHours >= 1 ? @"h\:mm\:ss" : @"m\:ss", CultureInfo.InvariantCulture);
}
