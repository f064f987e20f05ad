using System.Text;
using MnistCnn.Charts;
using MnistCnn.Experiments;
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
    public static void Write(ExperimentSeries series)
    {
        foreach (var (name, page) in new (string, IPage)[] { (HtmlFile, new HtmlPage(Title)), (MarkdownFile, new MarkdownPage(series.Folder)) })
        {
            Fill(page, series.Chapters);
            AtomicFile.Write(Path.Combine(series.Folder, name), stream => stream.Write(Encoding.UTF8.GetBytes(page.Text())));
        }
    }

    private static void Fill(IPage page, IReadOnlyList<Chapter> chapters)
    {
        page.Heading(1, Title);
        page.Paragraph("", "What the article on Inception and Residual networks says, and what came out when it was measured with MnistCnn.");
        page.Facts(chapters.Select(chapter => (Heading(chapter), chapter.Experiment.Claim)));
        page.Paragraph(
            "The verdicts",
            "are computed from the measurements by one rule. Each claim is about one or more quantities, of which it says that they are above a bound. "
            + "It is borne out where the whole 95 % interval of each lies above its bound, over the seeds (Student's t), not borne out where that of one lies "
            + "below, and otherwise undecided. In a verdict, ± is half of that interval (95 % CI); in a table, it is the standard "
            + "deviation over the seeds (SD). Ratios, and what is drawn on a logarithmic axis, are averaged as logarithms.");
        foreach (var chapter in chapters)
            Fill(page, chapter);
        HowMeasured(page, [.. chapters.Select(chapter => chapter.Info).OfType<ExperimentInfo>()]);
    }

    private static string Heading(Chapter chapter) =>
        chapter.Problem is not null ? "Cannot be measured" : chapter.Findings is null ? "Not measured yet" : chapter.Findings.Verdict.Heading;

    private static void Fill(IPage page, Chapter chapter)
    {
        page.Heading(2, $"{chapter.Experiment.Name}: {chapter.Experiment.Claim}");
        page.Paragraph($"{Heading(chapter)}.", chapter.Problem ?? $"{chapter.Findings?.Verdict.Reason}");
        if (chapter is not { Info: { } info, Findings: { } findings })
            return;
        if (!info.IsFinished)
            page.Paragraph("Not finished:", "this is what is measured so far.");
        if (findings.Diverged.Count > 0)
            page.Facts(findings.Diverged.Select(training => ("Not counted", training)));
        foreach (var picture in chapter.Files!.Where(file => file.EndsWith(".png", StringComparison.Ordinal)).OrderByDescending(IsPlot))
            page.Picture(picture, IsPlot(picture) ? Description(findings) : $"{Path.GetFileNameWithoutExtension(picture)} of {info.Experiment}");
        page.Table(findings.Table);
        if (findings.Verdict.Effects.Count > 1)
            page.Facts(findings.Verdict.Effects.Select(effect => (effect.What, effect.Figure)));
    }

    private static bool IsPlot(string path) => Path.GetFileName(path) == ExperimentRun.PlotFile;

    private static string Description(Findings findings) => string.Join(". ", findings.Charts.SelectMany(row => row).Select(chart => chart.Title));

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
                    ResultTable.Text(info.Data.TrainImages),
                    ResultTable.Text(info.Data.TestImages),
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
            ("device", Distinct(info => $"{info.Device}, {ResultTable.Count(info.Threads, "thread")}")),
            ("data", Distinct(info => info.Data.Folder)),
            .. infos[^1].Data.Sha256.Select(file => ($"SHA-256 of {file.Key}", file.Value)),
        ]);

        // Experiments that were finished earlier may come from another version or machine.
        string Distinct(Func<ExperimentInfo, string> fact) => string.Join("; ", infos.Select(fact).Distinct());
    }
}
