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

    /// <summary>Note for an accuracy whose epoch was chosen by that accuracy.</summary>
    public const string ChosenOnTest = "chosen on the test images";

    /// <summary>The best epoch, and how it was chosen if there are several: "epoch 8, chosen on the test images".</summary>
    public static string Chosen(EpochMetrics best, int epochs)
    {
        var how = best.ValidationAccuracy is { } validation
            ? $"chosen by {validation:F2} % in validation"
            : ChosenOnTest;
        return $"epoch {best.Epoch}" + (epochs > 1 ? $", {how}" : "");
    }

    /// <summary>The mean accuracy of the classes, in percent, where it is a point or more away from that of the images; otherwise null.</summary>
    public static string? Balanced(double accuracy, double? balanced) => Math.Abs(accuracy - balanced ?? 0) >= 1
        ? $"mean of the classes {balanced:F2} %"
        : null;

    /// <summary>A time as minutes and seconds, or with hours where there are any.</summary>
    public static string Duration(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(long)time.TotalHours}:{time:mm\\:ss}" : time.ToString(@"m\:ss", CultureInfo.InvariantCulture);
}
