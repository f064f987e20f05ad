using MathNet.Numerics.Statistics;
using MnistCnn.Tests;

namespace MnistCnn.Benchmarks;

/// <summary>The measured blocks and the chart of docs/explanation/performance.md and of both READMEs.</summary>
internal static class PerformancePage
{
    public const string Begin = "<!-- measured: performance -->";

    private const double Target = 99;

    /// <summary>The networks of the chart.</summary>
    public static readonly (string Name, string Title)[] Networks = [("residual", "Residual"), ("inception", "Inception")];

    /// <summary>Programs of the chart, with their labels.</summary>
    public static readonly (string Program, string Label)[] Bars =
    [
        (ProgramName.This, "MnistCnn"),
        (ProgramName.PlainTorchSharp, "plain TorchSharp"),
        (ProgramName.Article, "article on PyTorch"),
        (ProgramName.ArticleAsPrinted, "article as printed"),
    ];

    private static string Docs => Path.Combine(RepositoryRoot.FullPath, "docs");

    public static string SavedMeasurements => Path.Combine(Docs, "measurements", "performance.json");

    /// <summary>The pages that show the measurements, relative to the repository.</summary>
    public static IReadOnlyDictionary<string, Func<Measurements, string>> Pages { get; } =
        new Dictionary<string, Func<Measurements, string>>
        {
            ["docs/explanation/performance.md"] = Page,
            ["README.md"] = measured => Readme(
                measured,
                Finding(measured),
                $"Seconds per epoch, {Threads(measured)} each on the same CPU. "
                + "[Performance](docs/explanation/performance.md) has the conditions, memory and GPUs."),
            ["README.zh.md"] = measured => Readme(
                measured,
                $"每个 epoch 的时间与文章的 PyTorch 程序相比：Residual {Ratio(measured, "residual")} 倍，"
                + $"Inception {Ratio(measured, "inception")} 倍",
                $"每个 epoch 的秒数，同一个 CPU，线程数相同（{measured.Conditions.Cores} 个）。"
                + "测量条件、内存和 GPU 见 [docs/explanation/performance.md](docs/explanation/performance.md)。"),
        };

    /// <summary>The two pictures, for light and for dark pages.</summary>
    public static (string Path, bool IsDark)[] Pictures =>
    [
        (Path.Combine(Docs, "explanation", "performance.png"), false),
        (Path.Combine(Docs, "explanation", "performance-dark.png"), true),
    ];

    /// <summary>Saves measurements of all programs, and writes them into the documentation.</summary>
    /// <exception cref="InvalidDataException">The article's program was not measured.</exception>
    public static void Save(Measurements measured)
    {
        if (measured.Conditions.PyTorch is null)
            throw new InvalidDataException("The documentation is unchanged: it needs a comparison with PyTorch.");
        measured.Write(SavedMeasurements);
        Write(measured);
    }

    /// <summary>Replaces the blocks of all pages and draws both pictures.</summary>
    public static void Write(Measurements measured)
    {
        foreach (var (page, block) in Pages)
            MeasuredBlock.Replace(Path.Combine(RepositoryRoot.FullPath, page), Begin, block(measured));
        foreach (var (path, isDark) in Pictures)
            PerformanceChart.Draw(path, measured, isDark);
    }

    /// <summary>The result as a sentence, the title of the chart.</summary>
    public static string Finding(Measurements measured) =>
        $"MnistCnn takes {Difference(measured, "residual")} time per epoch with Residual, and {Difference(measured, "inception")} with "
        + "Inception, than the article's program on PyTorch";

    /// <summary>The conditions in short, below the bars.</summary>
    public static string Caption(Measurements measured)
    {
        var conditions = measured.Conditions;
        var runs = measured.Epoch("residual", ProgramName.This)!.Values.Count;
        return $"{Threads(measured)} each on {conditions.Cores} cores ({conditions.Processor}), PyTorch {conditions.PyTorch}, "
            + $"{conditions.Date}. Medians of {runs} alternating runs; the lines go from the lowest to the highest.";
    }

    private static string Threads(Measurements measured) => $"{measured.Conditions.Cores} threads";

    private static string Ratio(Measurements measured, string network) => measured.Ratio(network, ProgramName.Article)!.MedianText;

    private static string Difference(Measurements measured, string network)
    {
        var percent = 100 * (1 - measured.Ratio(network, ProgramName.Article)!.Median);
        return $"{Math.Abs(percent):F0} % {(percent < 0 ? "more" : "less")}";
    }

    private static string Page(Measurements measured) =>
        $"""
        {Begin}{Picture("", Finding(measured))}

        Medians, with the lowest and the highest value in parentheses, on {measured.Conditions}:

        | quantity | Residual | Inception |
        | --- | ---: | ---: |
        {Row("seconds per epoch, training and test", network => Cell(measured.Epoch(network, ProgramName.This)))}
        {Row("time per epoch, relative to the article's program", network => Relative(measured, network))}
        {Row("peak memory", network => Cell(measured.Find(FigureName.Memory(network))))}
        {Row("start of the process to the first step", network => Cell(measured.Find(FigureName.FirstStep(network))))}
        {Row("time to a test accuracy of 99 %", network => network == "residual" ? TimeToTarget(measured) : "not reached in ten epochs")}

        Time per epoch relative to other programs:

        {string.Join('\n', Comparisons(measured))}
        {MeasuredBlock.End}
        """;

    private static string Row(string quantity, Func<string, string> cell) =>
        $"| {quantity} | {string.Join(" | ", Networks.Select(network => cell(network.Name)))} |";

    private static string Cell(Figure? figure) => figure is null ? "not measured" : $"{figure.MedianText} ({figure.Range})";

    private static string Relative(Measurements measured, string network)
    {
        var explained = Cell(measured.Ratio(network, ProgramName.Article));
        return network == "residual" ? $"{explained}; as printed {Cell(measured.Ratio(network, ProgramName.ArticleAsPrinted))}" : explained;
    }

    // Comparisons that were not measured are left out.
    private static IEnumerable<string> Comparisons(Measurements measured)
    {
        var cores = measured.Conditions.Cores;
        (string Text, int Threads, string Rival)[] comparisons =
        [
            ("the article's program, one thread each", 1, ProgramName.Article),
            ("the article's program with all images in one tensor instead of torchvision's loader", cores, ProgramName.ArticleWithTensors),
            ("plain TorchSharp", cores, ProgramName.PlainTorchSharp),
        ];
        return
            from comparison in comparisons
            let figures = Networks.Select(network => measured.Find(FigureName.Ratio(network.Name, comparison.Threads, comparison.Rival)))
            where figures.All(figure => figure is not null)
            let cells = Networks.Zip(figures, (network, figure) => $"{Cell(figure)} with {network.Title}")
            select $"- {comparison.Text}: {string.Join(", ", cells)}";
    }

    // The article's program needs this number of epochs in the median of the seeds of experiment `listing`.
    private static string TimeToTarget(Measurements measured)
    {
        var epochs = EpochsToTarget("Residual").Median();
        var seconds = epochs * measured.Epoch("residual", ProgramName.Article)!.Median;
        var sprint = Cell(measured.Find(FigureName.Recipe("sprint")));
        var accuracy = measured.Find(FigureName.RecipeAccuracy("sprint")) is { } figure ? $", reaching {Cell(figure)}" : "";
        return $"`--recipe sprint`: {sprint}{accuracy}; article's program: {seconds:F0} s, {epochs} epochs";
    }

    // One number per seed; infinity if ten epochs were not enough.
    private static IEnumerable<double> EpochsToTarget(string network) =>
        from line in File.ReadLines(Path.Combine(Docs, "measurements", "listing.csv"))
        let cells = line.Split(',')
        where cells[0] == network
        group cells by cells[2] into seed
        select seed.Where(cells => double.TryParse(cells[6], out var accuracy) && accuracy >= Target)
            .Select(cells => double.Parse(cells[3])).DefaultIfEmpty(double.PositiveInfinity).Min();

    private static string Readme(Measurements measured, string finding, string conditions) =>
        $"""
        {Begin}{Picture("docs/explanation/", finding)}

        {conditions}{MeasuredBlock.End}
        """;

    private static string Picture(string folder, string finding) =>
        $"""<picture><source media="(prefers-color-scheme: dark)" srcset="{folder}performance-dark.png">"""
        + $"""<img width="640" alt="{finding}" src="{folder}performance.png"></picture>""";
}
