using System.Text;
using MnistCnn.Charts;
using MnistCnn.Experiments;
using MnistCnn.Runs;
using MnistCnn.Files;

namespace MnistCnn.Reporting.Pages;

/// <summary>The article, measured: a page with claim, verdict, pictures and table of each experiment, once in HTML and once in Markdown.</summary>
internal static class SuiteReport
{
    private const string HtmlFile = "report.html", MarkdownFile = "report.md";
    private const string Title = "The article, measured";

    /// <summary>The names of its files.</summary>
    public static IReadOnlyList<string> Files { get; } = [HtmlFile, MarkdownFile];

    /// <summary>Writes both pages, each whole or not at all.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    public static void Write(ExperimentSuite suite)
    {
        foreach (var (name, page) in new (string, IPage)[] { (HtmlFile, new HtmlPage(Title)), (MarkdownFile, new MarkdownPage(suite.Folder)) })
        {
            Fill(page, suite.Statuses);
            AtomicFile.Write(Path.Combine(suite.Folder, name), stream => stream.Write(Encoding.UTF8.GetBytes(page.Text())));
        }
    }

    private static void Fill(IPage page, IReadOnlyList<ExperimentStatus> statuses)
    {
        page.Heading(1, Title);
        page.Paragraph("", "What the article on Inception and Residual networks says, and what came out when it was measured with MnistCnn.");
        page.Facts(statuses.Select(status => (Heading(status), status.Experiment.Claim)));
        page.Paragraph(
            "The verdicts",
            "are computed from the measurements by one rule. Each claim is about one or more quantities, of which it says that they are above a bound. "
            + "It is supported if the whole 95 % interval of each lies above its bound, over the seeds (Student's t), not supported if that of one lies "
            + "below, and inconclusive otherwise. In a verdict, ± is half of that interval (95 % CI); in a table, it is the standard "
            + "deviation over the seeds (SD). Ratios, and what is drawn on a logarithmic axis, are averaged as logarithms.");
        foreach (var status in statuses)
            Fill(page, status);
        HowMeasured(page, [.. statuses.Select(status => status.Info).OfType<ExperimentInfo>()]);
    }

    private static string Heading(ExperimentStatus status) =>
        status.Problem is not null ? "Cannot be measured" : status.Results is null ? "Not measured yet" : status.Results.Verdict.Heading;

    private static void Fill(IPage page, ExperimentStatus status)
    {
        page.Heading(2, $"{status.Experiment.Name}: {status.Experiment.Claim}");
        page.Paragraph($"{Heading(status)}.", status.Problem ?? $"{status.Results?.Verdict.Reason}");
        if (status is not { Info: { } info, Results: { } results })
            return;
        if (info.Status != RunStatus.Finished)
            page.Paragraph("Not finished:", "this is what is measured so far.");
        if (results.Diverged.Count > 0)
            page.Facts(results.Diverged.Select(training => ("Not counted", training)));
        foreach (var picture in status.Files!.Where(file => file.EndsWith(".png", StringComparison.Ordinal)).OrderByDescending(IsPlot))
            page.Picture(picture, IsPlot(picture) ? Description(results) : $"{Path.GetFileNameWithoutExtension(picture)} of {info.Experiment}");
        page.Table(results.Table);
        if (results.Verdict.Effects.Count > 1)
            page.Facts(results.Verdict.Effects.Select(effect => (effect.Label, effect.FormattedEstimate)));
    }

    private static bool IsPlot(string path) => Path.GetFileName(path) == ExperimentStatus.PlotFile;

    private static string Description(ExperimentResults results) => string.Join(". ", results.Charts.SelectMany(row => row).Select(chart => chart.Title));

    private static void HowMeasured(IPage page, IReadOnlyList<ExperimentInfo> infos)
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

        // Experiments that were finished earlier may come from another version or machine.
        string Distinct(Func<ExperimentInfo, string> fact) => string.Join("; ", infos.Select(fact).Distinct());
    }
}
