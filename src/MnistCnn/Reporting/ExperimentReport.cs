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
    private const int MaxWidth = 80; // of a common terminal

    public void ShowProgress(Action<Action<JobProgress>> work) => JobProgressReport.Show(work);

    public void OnImages(string folder, ImageGrid images)
    {
        var path = Path.Combine(folder, $"{images.Name}.png");
        PlotFile.TryDraw(path, () => ImageGridPlot.Draw(path, images));
    }

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

    public static void DrawPlot(string path, ExperimentInfo info, ExperimentResults results)
    {
        if (results.Charts.Count == 0)
            return;
        var data = info.Data;
        var trained = info.Settings.Epochs == 0
            ? ""
            : $"{data.TrainImages:N0} training images, {Wording.Plural(info.Settings.Epochs, "epoch")}, ";
        var curves = results.Charts.SelectMany(row => row).SelectMany(chart => chart.Curves);
        var hasBands = curves.Any(curve => curve is { HasLine: true, Low: not null });
        var repetitions = Wording.Plural(results.Seeds, results.Verdicts[0].Effects[0].Repetition);
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(data.Folder));
        var size = $"{(name == "mnist" ? "MNIST" : name)}: {trained}{data.TestImages:N0} test images; "
            + $"{repetitions}{(results.Seeds > 1 && hasBands ? ", bands from the lowest to the highest" : "")}";
        var (heading, verdicts) = results.Verdicts is [var verdict]
            ? (verdict.DecidingEffect.Finding, [$"{verdict.Heading}: {info.Claim}"])
            : (info.Claim, results.Verdicts.Select(part => part.Text));
        PlotFile.TryDraw(path, () => ChartPlot.Draw(path, heading, [.. verdicts, .. results.Notes, size], results.Charts));
    }

    /// <summary>Writes the results of an experiment that was started.</summary>
    public void Write(ExperimentStatus status)
    {
        var results = status.Results!;
        Output.Write(
            json, CreateDocument(status),
            console =>
            {
                console.Profile.Width = Math.Min(console.Profile.Width, MaxWidth);
                console.WriteLine(status.Experiment.Claim);
                console.Write(CreateTable(results.Table));
                foreach (var note in results.Notes)
                    console.WriteLine(note);
                foreach (var verdict in results.Verdicts)
                    Terminal.WriteLine(verdict.Text); // one line, which scripts can search for
            },
            status.Files);
        foreach (var training in results.Diverged)
            Terminal.WriteErrorLine(training);
    }

    /// <summary>Writes the end of a suite; without JSON, each experiment has written its results already.</summary>
    public void Write(ExperimentSuite suite)
    {
        string[] files = [.. SuiteReport.Files.Select(name => Path.Combine(suite.Folder, name))];
        var experiments = suite.Statuses.Select(CreateDocument);
        Output.Write(json, new { Experiment = ExperimentSuite.Name, Experiments = experiments, Files = files }, _ => { }, files);
    }

    public static Table CreateTable(ResultTable table)
    {
        var text = new Table().Border(TableBorder.Simple);
        var lineEnd = table.Headings.Sum(heading => heading.Length) > MaxWidth ? ", | (?=[a-z]{4})" : ", ";
        foreach (var heading in table.Headings)
            text.AddColumn(Regex.Replace(heading, lineEnd, "\n"), column => column.RightAligned().PadLeft(0).PadRight(1));
        text.Columns[0].LeftAligned();
        foreach (var row in table.Rows)
            text.AddRow([.. row.Select(cell => Terminal.Cell(cell))]);
        return text;
    }

    // Only name, claim and problem of an experiment that was not started.
    private static object CreateDocument(ExperimentStatus status) => new
    {
        Experiment = status.Experiment.Name,
        status.Experiment.Claim,
        status.Info?.Settings,
        status.Results?.Verdicts,
        status.Results?.Table.Headings,
        status.Results?.Table.Rows,
        status.Results?.Notes,
        status.Files,
        status.Problem,
    };
}
