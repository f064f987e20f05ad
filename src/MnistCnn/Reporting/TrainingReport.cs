using MnistCnn.Runs;
using MnistCnn.Training;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>
/// What the user of <c>train</c> sees. Results go to standard output. A bar is shown where standard error is a terminal;
/// the article's plain lines are written where no one would see a bar, or where standard output is kept in a file.
/// </summary>
internal static class TrainingReport
{
    /// <summary>Reports while <paramref name="work"/> runs.</summary>
    /// <param name="epochs">How many epochs there will be.</param>
    /// <param name="logInterval">A plain line each N steps.</param>
    /// <param name="json">Whether standard output is kept for one JSON document.</param>
    /// <param name="work">Tells the observers that it is given how it goes.</param>
    public static void Run(int epochs, int logInterval, bool json, Action<IReadOnlyCollection<ITrainingCallback>> work)
    {
        var bar = !Console.IsErrorRedirected;
        List<ITrainingCallback> observers = [];
        if (json ? !bar : !bar || Console.IsOutputRedirected)
            observers.Add(new TrainingLog(json ? Console.Error : Console.Out, logInterval));

        var terminal = Terminal.Of(Console.Error);
        if (bar)
            ProgressBar.Show(terminal, progress => work([.. observers, new TrainingProgressBar(terminal, progress, epochs)]));
        else
            work(observers);
    }

    /// <summary>Reports the end.</summary>
    /// <param name="info">What the run was.</param>
    /// <param name="epochs">What was measured.</param>
    /// <param name="files">The paths of what it left behind.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Result(RunInfo info, IReadOnlyList<EpochMetrics> epochs, IReadOnlyList<string> files, bool json) => Output.Write(
        json,
        new { Run = info, Epochs = epochs, Files = files },
        console =>
        {
            var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumn("").AddColumn("");
            var sides = info.AuxiliaryParameters > 0 ? $", and {info.AuxiliaryParameters:N0} in auxiliary classifiers while it trains" : "";
            table.AddRow("Network", $"{info.Settings.Architecture.Name}, {info.Parameters:N0} parameters{sides}");
            var processes = info.Processes is { } count ? $" in {count} processes" : "";
            table.AddRow("Run", $"{epochs.Count} of {info.Settings.Epochs} epochs on {info.Device}{processes}, {TrainingText.Duration(TimeSpan.FromSeconds(info.Seconds ?? 0))}");
            if (EpochMetrics.Best(epochs) is { } best)
            {
                table.AddRow("Best accuracy", $"{best.TestAccuracy:F2} % ({TrainingText.Chosen(best, epochs.Count)})");
                table.AddRow("Last accuracy", $"{epochs[^1].TestAccuracy:F2} %");
            }

            console.Write(table);
        },
        files);
}
