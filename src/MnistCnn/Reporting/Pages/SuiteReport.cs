using MnistCnn.Charts;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Runs;

namespace MnistCnn.Reporting.Pages;

/// <summary>Report on all experiments, in Markdown and in HTML: claim, verdict, plots and table of each.</summary>
internal static class SuiteReport
{
    private const string HtmlFile = "report.html", MarkdownFile = "report.md";
    private const string Title = "The article, measured";

    private const string VerdictRule =
        "are computed from the measurements by one rule. Each claim states that one or more quantities are above a bound. It is "
        + "supported if the whole 95 % confidence interval (CI) of each quantity over the seeds (Student's t) is above its bound, not "
        + "supported if the interval of one is below, and inconclusive otherwise. Before all trials are done, the result is interim: the "
        + "number of seeds was fixed before. An interval covers the variation between seeds only. The test images add a standard error: "
        + "about 0.1 percentage points for 10,000 images and an accuracy of 99 %; a note below each table has it. The mean is given "
        + "with the standard deviation over the seeds (SD). Ratios and values on logarithmic axes are averaged as logarithms.";

    public static IReadOnlyList<string> Files { get; } = [HtmlFile, MarkdownFile];

    /// <summary>Writes both files, each atomically.</summary>
    public static void Write(ExperimentSuite suite)
    {
        var page = new MarkdownPage(suite.Folder);
        AddSummary(page, suite.Statuses);
        foreach (var status in suite.Statuses)
            AddExperiment(page, status);
        AddMethods(page, [.. suite.Statuses.Select(status => status.Info).OfType<ExperimentInfo>()]);
        AtomicFile.WriteText(Path.Combine(suite.Folder, MarkdownFile), $"{page}");
        AtomicFile.WriteText(Path.Combine(suite.Folder, HtmlFile), HtmlPage.Convert($"{page}", Title, suite.Folder));
    }

    private static void AddSummary(MarkdownPage page, IReadOnlyList<ExperimentStatus> statuses)
    {
        page.Heading(1, Title);
        page.Paragraph("The claims of the article on Inception and Residual networks, measured with MnistCnn.");
        page.Facts(
            from status in statuses
            from outcome in OutcomesOf(status)
            select (outcome.Conclusion, status.Experiment.Claim));
        page.Paragraph("The verdicts", VerdictRule);
    }

    private static IEnumerable<(string Conclusion, string Reason)> OutcomesOf(ExperimentStatus status) =>
        status.Problem is { } problem ? [("Cannot be measured", problem)]
        : status.Results?.Verdicts.Select(verdict => (verdict.Conclusion, verdict.Reason)) ?? [("Not measured yet", "")];

    private static void AddExperiment(MarkdownPage page, ExperimentStatus status)
    {
        page.Heading(2, $"{status.Experiment.Name}: {status.Experiment.Claim}");
        foreach (var (conclusion, reason) in OutcomesOf(status))
            page.Paragraph($"{conclusion}.", reason);
        if (status is not { Info: { } info, Results: { } results })
            return;
        if (info.Status != RunStatus.Finished)
            page.Paragraph("Not finished:", "these are the measurements so far.");
        if (results.Diverged.Count > 0)
            page.Facts(results.Diverged.Select(training => ("Not counted", training)));
        foreach (var image in status.Files!.Where(file => file.EndsWith(".png", StringComparison.Ordinal)).OrderByDescending(IsPlot))
            page.Image(image, IsPlot(image) ? Describe(results) : $"{Path.GetFileNameWithoutExtension(image)} of {info.Experiment}");
        page.Table(results.Table);
        foreach (var note in results.Notes)
            page.Paragraph(note);
        foreach (var verdict in results.Verdicts.Where(verdict => verdict.Effects.Count > 1))
            page.Facts(verdict.Effects.Select(effect => (verdict.Subject, effect.Finding)));
    }

    private static bool IsPlot(string path) => Path.GetFileName(path) == ExperimentStatus.PlotFile;

    private static string Describe(ExperimentResults results) =>
        string.Join(". ", results.Charts.SelectMany(row => row).Select(chart => chart.Title));

    private static void AddMethods(MarkdownPage page, IReadOnlyList<ExperimentInfo> infos)
    {
        if (infos.Count == 0)
            return;
        page.Heading(2, "How it was measured");
        page.Table(new ResultTable(
            ["Experiment", "Seeds", "Epochs", "Training images", "Test images", "Recipe", "Learning rate", "Time"],
            [
                .. infos.Select(info => new[]
                {
                    info.Experiment,
                    $"{info.Settings.Seeds}",
                    $"{info.Settings.Epochs}",
                    Wording.Number(info.Data.TrainImages),
                    Wording.Number(info.Data.TestImages),
                    info.Settings.Recipe,
                    info.Settings.LearningRate is { } rate ? $"{rate}" : "the recipe's",
                    info.Seconds is { } seconds ? TrainingText.Duration(TimeSpan.FromSeconds(seconds)) : "",
                }),
            ]));
        page.Facts(
        [
            ("Date", Distinct(info => $"{info.Started:yyyy-MM-dd}")),
            .. infos.SelectMany(info => info.Versions.Keys).Distinct()
                .Select(name => (name, Distinct(info => info.Versions.GetValueOrDefault(name, "unknown")))),
            ("device", Distinct(info => $"{info.Device}, {Wording.Plural(info.Threads, "thread")}")),
            ("data", Distinct(info => info.Data.Folder)),
            .. infos[^1].Data.Sha256.Select(file => ($"SHA-256 of {file.Key}", file.Value)),
        ]);

        // Finished experiments may come from another version or machine.
        string Distinct(Func<ExperimentInfo, string> fact) => string.Join("; ", infos.Select(fact).Distinct());
    }
}
