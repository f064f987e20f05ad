using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MnistCnn.Charts;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;

namespace MnistCnn.Tests.Experiments;

/// <summary>
/// The pages in docs/explanation/claims show plots, tables and verdicts that are computed from the rows in docs/measurements. With the
/// environment variable MNIST_CNN_PLOTS=write, the tests write these parts of the pages again. MNIST_CNN_MEASURED=DIR does the same after
/// it has copied the rows of the finished experiments in the subfolders of DIR.
/// </summary>
public sealed partial class MeasurementsTests
{
    private const string BlockStart = "<!-- written by MeasurementsTests -->", BlockEnd = "\n\n<!-- end -->";

    private static readonly string Docs = Path.Combine(RepositoryRoot.FullPath, "docs");
    private static readonly string Claims = Path.Combine(Docs, "explanation", "claims");
    private static readonly string? Measured = Environment.GetEnvironmentVariable("MNIST_CNN_MEASURED");
    private static readonly bool IsToWrite = Measured is not null || Environment.GetEnvironmentVariable("MNIST_CNN_PLOTS") == "write";

    /// <summary>The experiments whose measurements are kept.</summary>
    public static TheoryData<string> Kept { get; } = FindKept();

    public static TheoryData<string> All { get; } = [.. Experiment.All.Select(experiment => experiment.Name)];

    [Theory]
    [MemberData(nameof(All))]
    public void The_page_of_an_experiment_has_its_claim_plot_table_and_verdicts(string name)
    {
        var page = Read(PageOf(name));
        Assert.StartsWith($"# {name}: ", page);
        Assert.Contains($"\n- **Claim:** {Find(name).Claim}\n- **Source:** ", page);
        CompareBlock(PageOf(name), BlockStart, IsKept(name) ? Describe(name) : "Not measured yet.");
    }

    [Fact]
    public void The_list_of_claims_has_the_source_and_the_verdicts_of_each()
    {
        var rows =
            from experiment in Experiment.All
            let verdicts = IsKept(experiment.Name) ? Conclude(experiment.Name, Rows(experiment.Name)).Verdicts : []
            select new[]
            {
                $"[{experiment.Claim}]({experiment.Name}.md)",
                Read(PageOf(experiment.Name)).Split("\n- **Source:** ")[1].Split('\n')[0],
                verdicts.Count == 0 ? "Not measured yet" : Join(verdicts.Select(verdict => verdict.Conclusion)),
                Join(verdicts.Select(verdict => verdict.Reason)),
            };
        CompareBlock(
            Path.Combine(Claims, "README.md"), BlockStart,
            FormatTable(new ResultTable(["claim", "source", "verdict", "deciding quantity"], [.. rows])));

        static string Join(IEnumerable<string> lines) => string.Join("<br>", lines);
    }

    // A comment names the experiments whose verdicts follow it.
    [Fact]
    public void Other_pages_cite_the_verdicts()
    {
        var blocks =
            from path in Directory.GetFiles(Docs, "*.md", SearchOption.AllDirectories)
            from Match start in VerdictsStart().Matches(Read(path))
            select (path, start);
        Assert.NotEmpty(blocks);
        foreach (var (path, start) in blocks.ToArray())
        {
            var lines =
                from name in start.Groups[1].Value.Split(' ')
                let link = Path.GetRelativePath(Path.GetDirectoryName(path)!, PageOf(name)).Replace('\\', '/')
                from text in IsKept(name) ? Conclude(name, Rows(name)).Verdicts.Select(verdict => verdict.Text) : ["Not measured yet"]
                select $"- [`{name}`]({link}): {text}.";
            CompareBlock(path, start.Value, string.Join('\n', lines));
        }
    }

    [Fact]
    public void The_guide_has_the_sizes_of_all_experiments()
    {
        string[] headings = ["seeds", "epochs", "training images", "test images"];
        var rows =
            from experiment in Experiment.All
            select ((string[])[$"`{experiment.Name}`", .. Cells(experiment.Full), .. Cells(experiment.Quick)]);
        CompareBlock(
            Path.Combine(Docs, "guides", "measure-a-claim.md"), BlockStart,
            FormatTable(new ResultTable(["experiment", .. headings, .. headings.Select(heading => $"{heading}, quick")], [.. rows])));

        static string[] Cells(ExperimentSettings size) =>
        [
            .. size.Epochs == 0
                ? Enumerable.Repeat("none", 3)
                : [$"{size.Seeds}", $"{size.Epochs}", Wording.Number(size.TrainLimit)],
            size.TestLimit is { } limit ? Wording.Number(limit) : "all",
        ];
    }

    [Fact]
    public void The_page_on_PyTorch_compares_the_accuracy_of_each_epoch()
    {
        var networks = Rows("same-as-pytorch").GroupBy(row => row.GetProperty("network").GetString()!).Select(rows => (
            Name: rows.Key,
            Here: rows.Select(row => row.GetProperty("mnist_cnn").GetDouble()).ToArray(),
            PyTorch: rows.Select(row => row.GetProperty("pytorch").GetDouble()).ToArray())).ToArray();
        var largest = networks.Max(network => Largest(network.Here, network.PyTorch));
        Assert.Contains($"{largest:F2} percentage points in each of ten epochs", Read(Path.Combine(RepositoryRoot.FullPath, "README.md")));
        Assert.Contains($"{largest:F2} 个百分点", Read(Path.Combine(RepositoryRoot.FullPath, "README.zh.md")));
        var title = $"MnistCnn follows PyTorch within {largest:F2} percentage points in each of ten epochs";
        CompareBlock(
            Path.Combine(Docs, "explanation", "same-as-pytorch.md"), BlockStart,
            $"![{title}: accuracy of three networks](same-as-pytorch.png)\n\n" + FormatTable(new ResultTable(
                ["network", "MnistCnn, epoch 10 (%)", "PyTorch, epoch 10 (%)", "largest difference in an epoch (percentage points)"],
                [
                    .. networks.Select(network => new[]
                    {
                        network.Name, $"{network.Here[^1]:F2}", $"{network.PyTorch[^1]:F2}", $"{Largest(network.Here, network.PyTorch):F2}",
                    }),
                ])));

        // The styles n and 35 - 6 * n have the same color, and the second has open circles.
        using var folder = new TemporaryFolder();
        ChartPlot.Draw(
            IsToWrite ? Path.Combine(Docs, "explanation", "same-as-pytorch.png") : folder["plot.png"],
            new Chart(
                title, "Epoch", $"{Chart.AccuracyLabel}; lines: MnistCnn, circles: PyTorch",
                [
                    .. from network in networks.Index()
                       let here = Curve.OverEpochs(network.Item.Name, network.Item.Here)
                       let pytorch = Curve.OverEpochs("", network.Item.PyTorch)
                       from curve in new[]
                       {
                           here with { IsThin = true, StyleIndex = network.Index },
                           pytorch with { HasLine = false, StyleIndex = 35 - 6 * network.Index },
                       }
                       select curve,
                ],
                IntegerAxisMax: 10));

        static double Largest(double[] first, double[] second) => first.Zip(second, (one, other) => Math.Abs(one - other)).Max();
    }

    [Fact]
    public void Plots_write_MNIST_in_capitals()
    {
        using var folder = new TemporaryFolder();
        ExperimentReport.DrawPlot(folder["plot.svg"], InfoOf("listing"), Conclude("listing", Rows("listing")));
        var texts = XDocument.Load(folder["plot.svg"]).Descendants().Select(element => element.Value.Trim());
        Assert.Contains(texts, text => text.StartsWith("MNIST: ", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Kept))]
    public void The_plot_of_the_page_can_be_drawn_from_the_rows(string name)
    {
        using var folder = new TemporaryFolder();
        var path = IsToWrite ? Path.Combine(Claims, $"{name}.png") : folder["plot.png"];
        ExperimentReport.DrawPlot(path, InfoOf(name), Conclude(name, Rows(name)));
        Assert.True(File.Exists(path));
    }

    [Theory]
    [MemberData(nameof(Kept))]
    public void Where_a_table_has_a_spread_its_heading_says_which(string name)
    {
        var table = Conclude(name, Rows(name)).Table;
        var withSpread = table.Rows
            .SelectMany(row => row.Index().Where(cell => cell.Item.Contains('±')).Select(cell => cell.Index)).ToHashSet();
        Assert.NotEmpty(withSpread);
        Assert.All(withSpread, column => Assert.EndsWith(" (%), mean ± SD", table.Headings[column]));
    }

    // All trainings of one network may diverge, or the first of them: the others have their plot, and titles compare the same curves.
    [Theory]
    [MemberData(nameof(Kept))]
    public void Without_one_of_the_networks_there_is_a_plot_of_the_others(string name)
    {
        if (name == "ablation")
            return; // nothing is trained
        var column = name == "bottleneck" ? "width" : "network";
        foreach (var network in Rows(name).GroupBy(row => row.GetProperty(column).GetRawText()))
            Assert.NotEmpty(Conclude(name, Rows(name).Where(row => row.GetProperty(column).GetRawText() != network.Key)).Charts);

        if (name is "views" or "normalization")
            return; // its titles compare no two curves
        var (whole, later) = (Rows(name), Rows(name).Where(row => row.GetProperty("seed").GetInt64() > 1).ToArray());
        var first = whole[0].GetProperty(column).GetRawText();
        var without = whole.Where(row => row.GetProperty("seed").GetInt64() > 1 || row.GetProperty(column).GetRawText() != first).ToArray();
        Assert.Equal(
            Conclude(name, later).Charts.SelectMany(row => row).Select(chart => chart.Curves[0].Name),
            Conclude(name, without).Charts.SelectMany(row => row).Select(chart => chart.Curves[0].Name));
    }

    // Tests run one after the other in a class, and the rows are copied before the first.
    private static TheoryData<string> FindKept()
    {
        foreach (var folder in Measured is null ? [] : Directory.GetDirectories(Path.Combine(RepositoryRoot.FullPath, Measured)))
        {
            if (ExperimentInfo.Read(folder) is not { Status: RunStatus.Finished } info)
                continue;
            File.Copy(Path.Combine(folder, "measurements.csv"), PathOf(info.Experiment, "csv"), overwrite: true);
            foreach (var maps in Directory.GetFiles(folder, "maps.png"))
                File.Copy(maps, Path.Combine(Claims, $"{info.Experiment}-maps.png"), overwrite: true);
            var data = info.Data with { Folder = Path.GetFileName(Path.TrimEndingDirectorySeparator(info.Data.Folder)) };
            File.WriteAllText(
                PathOf(info.Experiment, "json"), JsonSerializer.Serialize(info with { Data = data }, JsonFormat.Indented) + "\n");
        }

        return [.. Experiment.All.Select(experiment => experiment.Name).Where(IsKept)];
    }

    // Plot, table, verdicts, notes and quantities in Markdown.
    private static string Describe(string name)
    {
        var results = Conclude(name, Rows(name));
        var titles = results.Charts.SelectMany(row => row).Select(chart => chart.Title);
        string[] quantities = results.Verdicts is [{ Effects.Count: 1 }]
            ? []
            : ["The quantities of the claim:", List(results.Verdicts.SelectMany(verdict => verdict.Effects).Select(Sentence))];
        return string.Join("\n\n",
        [
            $"![{string.Join(". ", titles)}]({name}.png)",
            FormatTable(results.Table),
            .. results.Verdicts.Select(verdict => $"**{verdict.Conclusion}:** {verdict.Reason}."),
            List([.. results.Notes, DescribeConditions(name, results)]),
            .. quantities,
        ]);

        static string List(IEnumerable<string> lines) => string.Join('\n', lines.Select(line => $"- {line}"));
        static string Sentence(Effect effect) => $"{new Verdict([effect]).Text}.";
    }

    // Rows without a record were measured before records were kept.
    private static string DescribeConditions(string name, ExperimentResults results)
    {
        var info = InfoOf(name);
        var images = $"{Wording.Number(info.Data.TestImages)} test images";
        if (info.Settings.Epochs > 0)
            images = $"{Wording.Plural(results.Seeds, "seed")}, {Wording.Number(info.Data.TrainImages)} training images and {images}";
        var origin = info.Versions.Count == 0
            ? "by an earlier version, which kept no record of versions and machine"
            : $"on {info.Started:yyyy-MM-dd} by version {info.Versions["mnist_cnn"]} with libtorch {info.Versions["libtorch"]} on "
                + $"{info.Versions["os"]}, {Wording.Plural(info.Threads, "thread")}";
        return $"Measured with {images}, {origin}.";
    }

    // Compares the computed part of a page, or writes it.
    private static void CompareBlock(string path, string blockStart, string expected)
    {
        var page = Read(path);
        blockStart += "\n\n";
        var start = page.IndexOf(blockStart, StringComparison.Ordinal) + blockStart.Length;
        Assert.True(start >= blockStart.Length, $"{path} has no line {blockStart.Trim()}, with an empty line after it.");
        var end = page.IndexOf(BlockEnd, start, StringComparison.Ordinal);
        Assert.True(end >= 0, $"{path} has no line {BlockEnd.Trim()}, with an empty line before it.");
        if (IsToWrite)
            File.WriteAllText(path, page[..start] + expected + page[end..]);
        else
            Assert.Equal(expected, page[start..end]);
    }

    private static string Read(string path) => File.ReadAllText(path).ReplaceLineEndings("\n");

    private static string PageOf(string name) => Path.Combine(Claims, $"{name}.md");

    private static Experiment Find(string name) => Experiment.All.Single(experiment => experiment.Name == name);

    private static bool IsKept(string name) => File.Exists(PathOf(name, "csv"));

    private static string PathOf(string name, string extension) => Path.Combine(Docs, "measurements", $"{name}.{extension}");

    private static ExperimentInfo InfoOf(string name) => File.Exists(PathOf(name, "json"))
        ? JsonFormat.Parse<ExperimentInfo>(File.ReadAllText(PathOf(name, "json")), name)
        : ClaimTests.InfoOf(Find(name));

    // Columns of numbers are right-aligned, the first column is not.
    private static string FormatTable(ResultTable table)
    {
        return string.Join('\n',
        [
            Line(table.Headings),
            Line(table.Headings.Select((_, column) => column > 0 && HasNumbers(column) ? "---:" : "---")),
            .. table.Rows.Select(Line),
        ]);

        bool HasNumbers(int column) => table.Rows.Any(row => row[column].Length > 0 && char.IsAsciiDigit(row[column][0]));
    }

    private static string Line(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";

    // The record counts the trainings that diverged: they have no rows.
    private static ExperimentResults Conclude(string name, IEnumerable<JsonElement> rows)
    {
        using var folder = new TemporaryFolder();
        var trial = new TrialResult<JsonElement>("all", [.. rows]);
        File.WriteAllText(folder["trials.jsonl"], JsonSerializer.Serialize(trial, JsonFormat.Line));
        var info = InfoOf(name);
        var results = Find(name).ReadResults(folder.FullPath, info);
        var diverged = info.Verdicts?[0].Diverged ?? 0;
        return results with { Verdicts = [.. results.Verdicts.Select(verdict => verdict with { Diverged = diverged })] };
    }

    private static JsonElement[] Rows(string name)
    {
        var lines = File.ReadAllLines(Path.Combine(Docs, "measurements", $"{name}.csv"));
        var names = lines[0].Split(',');
        return [.. lines.Skip(1).Select(line => names.Zip(line.Split(',').Select(Value)).ToDictionary())
            .Select(row => JsonSerializer.SerializeToElement(row))];
    }

    private static object? Value(string field) =>
        field.Length == 0 ? null
        : long.TryParse(field, NumberStyles.Integer, CultureInfo.InvariantCulture, out var whole) ? whole
        : double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
        : bool.TryParse(field, out var isSo) ? isSo
        : field;

    [GeneratedRegex(@"<!-- verdicts: ([a-z ]+) -->")]
    private static partial Regex VerdictsStart();
}
