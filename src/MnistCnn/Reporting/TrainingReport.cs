using MnistCnn.Runs;
using MnistCnn.Training;
using Spectre.Console;

namespace MnistCnn.Reporting;

internal static class TrainingReport
{
    /// <summary>
    /// Runs a training with callbacks that report its progress: a bar if standard error is a terminal; the article's plain lines if it is
    /// not, or if standard output goes to a file.
    /// </summary>
    /// <param name="json">Whether standard output is reserved for one JSON document.</param>
    public static bool WithProgress(int epochs, int logInterval, bool json, Func<IReadOnlyList<ITrainingCallback>, bool> train)
    {
        var hasBar = !Console.IsErrorRedirected;
        ITrainingCallback[] log = (json ? hasBar : hasBar && !Console.IsOutputRedirected)
            ? []
            : [new TrainingLog(json ? Console.Error : Console.Out, logInterval)];
        if (!hasBar)
            return train(log);

        var isFinished = false;
        ProgressBar.Show(
            Terminal.CreateConsole(Console.Error), bar => isFinished = train([.. log, new TrainingProgressBar(bar, epochs)]));
        return isFinished;
    }

    public static void Write(RunInfo info, IReadOnlyList<EpochMetrics> epochs, IReadOnlyList<string> files, bool json) => Output.Write(
        json,
        new { Run = info, Epochs = epochs, Files = files },
        console =>
        {
            var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "");
            var auxiliary = info.AuxiliaryParameters > 0 ? $", and {info.AuxiliaryParameters:N0} in auxiliary classifiers" : "";
            table.AddRow("Network", $"{info.Settings.Architecture.Name}, {info.Parameters:N0} parameters{auxiliary}");
            var processes = info.Processes is { } count ? $" in {count} processes" : "";
            var time = TrainingText.Duration(TimeSpan.FromSeconds(info.Seconds ?? 0));
            table.AddRow("Run", $"{epochs.Count} of {info.Settings.Epochs} epochs on {info.Device}{processes}, {time}");
            if (EpochMetrics.Best(epochs) is { } best)
            {
                table.AddRow("Best accuracy", $"{best.TestAccuracy:F2} % ({TrainingText.BestEpoch(best, epochs.Count)})");
                table.AddRow("Last accuracy", $"{epochs[^1].TestAccuracy:F2} %");
            }

            console.Write(table);
        },
        files);
}
