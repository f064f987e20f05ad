using MnistCnn.Training;

namespace MnistCnn.Reporting;

internal static class TrainingText
{
    /// <summary>Note for an accuracy whose epoch was chosen by that accuracy.</summary>
    public const string ChosenOnTest = "chosen on the test images";

    public static string Epoch(EpochMetrics epoch) =>
        $"Epoch {epoch.Epoch,2}: accuracy {epoch.TestAccuracy:F2} %, loss {epoch.TrainLoss:F4} training, {epoch.TestLoss:F4} test, "
        + $"{epoch.TrainSeconds + epoch.TestSeconds:F1} s";

    /// <summary>Number of the best epoch, and how it was chosen if the run has several: "epoch 8, chosen on the test images".</summary>
    public static string BestEpoch(EpochMetrics best, int epochs)
    {
        var how = best.ValidationAccuracy is { } accuracy ? $"chosen by its validation accuracy of {accuracy:F2} %" : ChosenOnTest;
        return $"epoch {best.Epoch}" + (epochs > 1 ? $", {how}" : "");
    }

    /// <summary>Text about the balanced accuracy; null if it differs from the accuracy by less than one percentage point.</summary>
    public static string? BalancedAccuracy(double accuracy, double? balanced) =>
        Math.Abs(accuracy - balanced ?? 0) >= 1 ? $"balanced accuracy {balanced:F2} %" : null;

    /// <summary>Formats a time as minutes and seconds, or as hours, minutes and seconds from one hour.</summary>
    public static string Duration(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(long)time.TotalHours}:{time:mm\\:ss}" : time.ToString(@"m\:ss");
}
