using System.Diagnostics;
using System.Text.Json.Serialization;
using MnistCnn.Charts;
using MnistCnn.Experiments;
using MnistCnn.Reporting.Plots;
using Spectre.Console;
using static System.FormattableString;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>experiment</c> sees.</summary>
internal static class ExperimentReport
{
    /// <summary>
    /// Reports on standard error while <paramref name="work"/> runs: a bar where that is a terminal, a line after each trial otherwise.
    /// </summary>
    public static void Run(Action<Action<ExperimentProgress>> work)
    {
        if (Console.IsErrorRedirected)
            work(Lines());
        else
            ProgressBar.Show(Terminal.Of(Console.Error), bar => work(progress =>
                bar.At($"{progress.Trial}/{progress.Trials} {progress.Name}", progress.Share, progress.Share)));
    }

    /// <summary>Draws the plot of what came out until now.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="info">What the experiment is.</param>
    /// <param name="results">What came out.</param>
    public static void Draw(string path, ExperimentInfo info, ExperimentResults results)
    {
        if (results.Charts.Count > 0)
            ChartPlot.Draw(
                path, $"{results.Verdict.Heading}: {info.Claim}", [results.Verdict.Reason, Size(info, results)], results.Charts);
    }

    // How much was measured, in a line.
    private static string Size(ExperimentInfo info, ExperimentResults results)
    {
        var seeds = results.Seeds == 1 ? "1 seed" : $"mean of {results.Seeds} seeds, bands from the lowest to the highest";
        return $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(info.Data.Folder))}: {info.Data.TrainImages:N0} training images, {Wording.Plural(info.Settings.Epochs, "epoch")}, {info.Data.TestImages:N0} test images; {seeds}";
    }

    /// <summary>Reports the end.</summary>
    /// <param name="info">What the experiment was.</param>
    /// <param name="results">What came out.</param>
    /// <param name="files">The paths of what it left behind.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Result(ExperimentInfo info, ExperimentResults results, IReadOnlyList<string> files, bool json)
    {
        Output.Write(
            json,
            Document(info, results, files),
            console =>
            {
                Console.Out.WriteLine(info.Claim);
                console.Write(TableOf(results.Table));
                Console.Out.WriteLine(results.Verdict.Text);
            },
            files);
        foreach (var training in results.Diverged)
            Console.Error.WriteLine(training);
    }

    /// <summary>A table for a terminal.</summary>
    public static Table TableOf(ResultTable table)
    {
        var text = new Table().Border(TableBorder.Simple);
        foreach (var (index, heading) in table.Headings.Index())
            text.AddColumn(
                heading.Replace(", ", "\n"), column => column.Alignment(index == 0 ? Justify.Left : Justify.Right).PadLeft(0).PadRight(1));
        foreach (var row in table.Rows)
            text.AddRow([.. row.Select(cell => new Text(cell))]);
        return text;
    }

    /// <summary>Reports the end of all.</summary>
    /// <param name="series">What came out of each; a person has been told already.</param>
    /// <param name="files">The paths of the pages.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Result(ExperimentSuite series, IReadOnlyList<string> files, bool json) => Output.Write(
        json,
        new
        {
            Experiment = ExperimentSuite.Name,
            Experiments = series.Statuses.Select(status => status is { Info: { } info, ExperimentResults: { } results }
                ? Document(info, results, status.Files!) with { Problem = status.Problem }
                : new ExperimentDocument(status.Experiment.Name, status.Experiment.Claim, Problem: status.Problem)),
            Files = files,
        },
        _ => { },
        files);

    private static ExperimentDocument Document(ExperimentInfo info, ExperimentResults results, IReadOnlyList<string> files) =>
        new(info.Experiment, info.Claim, info.Settings, results.Verdict, results.Table.Headings, results.Table.Rows, files);

    private static Action<ExperimentProgress> Lines()
    {
        var clock = Stopwatch.StartNew();
        var started = TimeSpan.Zero;
        double? first = null;
        return progress =>
        {
            first ??= progress.Share;
            if (!progress.IsDone)
                return;
            var left = clock.Elapsed * ((1 - progress.Share) / (progress.Share - first.Value));
            Console.Error.WriteLine(Invariant(
                $"[{progress.Trial}/{progress.Trials}] {progress.Name}: {(clock.Elapsed - started).TotalSeconds:F1} s, {TrainingText.Duration(left)} left"));
            started = clock.Elapsed;
        };
    }

    // What --json says of an experiment; of one that was not begun, no more than what it is and why.
    private sealed record ExperimentDocument(
        string Experiment,
        string Claim,
        ExperimentSettings? Settings = null,
        Verdict? Verdict = null,
        IReadOnlyList<string>? Headings = null,
        IReadOnlyList<IReadOnlyList<string>>? Rows = null,
        IReadOnlyList<string>? Files = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Problem = null);
}
