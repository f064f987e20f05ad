using MnistCnn.Charts;
using MnistCnn.Experiments;
using MnistCnn.Jobs;
using MnistCnn.Reporting.Pages;
using MnistCnn.Reporting.Plots;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>Output of <c>experiment</c>: progress, plots and results.</summary>
internal sealed class ExperimentReport(bool json) : IExperimentObserver
{
    public void ShowProgress(Action<Action<JobProgress>> work) => JobProgressReport.Show(work);

    public void OnImages(string folder, ImageGrid images) => ImageGridPlot.Draw(Path.Combine(folder, $"{images.Name}.png"), images);

    public void OnResults(string folder, ExperimentInfo info, ExperimentResults results) =>
        DrawPlot(Path.Combine(folder, ExperimentStatus.PlotFile), info, results);

    public void OnExperimentStart(Experiment experiment, int number, int count) =>
        Terminal.WriteErrorLine($"{experiment.Name}, {number} of {count}:");

    public void OnExperimentEnd(ExperimentSuite suite, ExperimentStatus status)
    {
        SuiteReport.Write(suite);
        if (status.Problem is not null)
            Terminal.WriteErrorLine($"error: {status.Experiment.Name}: {status.Problem}");
        else if (!json)
            Write(status with { Files = [] });
    }

    /// <summary>Draws the plot of the results, if there are any.</summary>
    public static void DrawPlot(string path, ExperimentInfo info, ExperimentResults results)
    {
        if (results.Charts.Count == 0)
            return;
        var data = info.Data;
        var seeds = results.Seeds == 1 ? "1 seed" : $"mean of {results.Seeds} seeds, bands from the lowest to the highest";
        var size = $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(data.Folder))}: {data.TrainImages:N0} training images, "
            + $"{Wording.Plural(info.Settings.Epochs, "epoch")}, {data.TestImages:N0} test images; {seeds}";
        ChartPlot.Draw(path, $"{results.Verdict.Heading}: {info.Claim}", [results.Verdict.Reason, size], results.Charts);
    }

    /// <summary>Writes the results of an experiment that was started.</summary>
    public void Write(ExperimentStatus status)
    {
        var results = status.Results!;
        Output.Write(
            json,
            ExperimentDocument.From(status),
            console =>
            {
                Terminal.WriteLine(status.Experiment.Claim);
                console.Write(CreateTable(results.Table));
                Terminal.WriteLine(results.Verdict.Text);
            },
            status.Files);
        foreach (var training in results.Diverged)
            Terminal.WriteErrorLine(training);
    }

    /// <summary>Writes the end of a suite; without JSON, each experiment has written its results already.</summary>
    public void Write(ExperimentSuite suite)
    {
        string[] files = [.. SuiteReport.Files.Select(name => Path.Combine(suite.Folder, name))];
        var experiments = suite.Statuses.Select(ExperimentDocument.From);
        Output.Write(json, new { Experiment = ExperimentSuite.Name, Experiments = experiments, Files = files }, _ => { }, files);
    }

    /// <summary>Creates a table for the terminal.</summary>
    public static Table CreateTable(ResultTable table)
    {
        var text = new Table().Border(TableBorder.Simple);
        foreach (var (index, heading) in table.Headings.Index())
            text.AddColumn(
                heading.Replace(", ", "\n"), column => column.Alignment(index == 0 ? Justify.Left : Justify.Right).PadLeft(0).PadRight(1));
        foreach (var row in table.Rows)
            text.AddRow([.. row.Select(cell => Terminal.Cell(cell))]);
        return text;
    }

    // Only name, claim and problem of an experiment that was not started.
    private sealed record ExperimentDocument(
        string Experiment,
        string Claim,
        ExperimentSettings? Settings,
        Verdict? Verdict,
        IReadOnlyList<string>? Headings,
        IReadOnlyList<IReadOnlyList<string>>? Rows,
        IReadOnlyList<string>? Files,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Problem)
    {
        public static ExperimentDocument From(ExperimentStatus status) => new(
            status.Experiment.Name,
            status.Experiment.Claim,
            status.Info?.Settings,
            status.Results?.Verdict,
            status.Results?.Table.Headings,
            status.Results?.Table.Rows,
            status.Files,
            status.Problem);
    }
}
