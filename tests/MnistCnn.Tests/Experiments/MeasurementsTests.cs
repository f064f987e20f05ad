using System.Globalization;
using System.Text.Json;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runs;

namespace MnistCnn.Tests.Experiments;

/// <summary>
/// Compares docs/explanation/claims.md with the saved measurements. With the environment variable MNIST_CNN_PLOTS=write, the tests write
/// plots, tables and verdicts of the page again. MNIST_CNN_MEASURED=DIR does the same after it has copied the rows of the finished
/// experiments in the subfolders of DIR.
/// </summary>
public sealed class MeasurementsTests
{
    private static readonly string Docs = Path.Combine(RepositoryRoot.FullPath, "docs");
    private static readonly string? Measured = Environment.GetEnvironmentVariable("MNIST_CNN_MEASURED");
    private static readonly bool IsToWrite = Measured is not null || Environment.GetEnvironmentVariable("MNIST_CNN_PLOTS") == "write";

    /// <summary>The experiments whose measurements are kept.</summary>
    public static TheoryData<string> Kept { get; } = FindKept();

    /// <summary>The other experiments.</summary>
    public static TheoryData<string> NotMeasured { get; } =
        [.. Experiment.All.Select(experiment => experiment.Name).Where(name => !File.Exists(PathOf(name, "csv")))];

    [Theory]
    [MemberData(nameof(Kept))]
    public void The_page_has_the_verdicts_and_the_figures(string name)
    {
        var results = Conclude(name, Rows(name));
        var expected = $"""
            <!-- measured: {name} -->

            {string.Join('\n', FormatTable(results.Table))}

            {string.Join("\n\n", results.Verdicts.Select(verdict => $"    {verdict.Text}"))}
            {string.Concat(results.Notes.Select(note => $"\n- {note}"))}{(results.Notes.Count > 0 ? "\n" : "")}
            <!-- end -->
            """;
        var path = Path.Combine(Docs, "explanation", "claims.md");
        var page = File.ReadAllText(path).ReplaceLineEndings("\n");
        var start = page.IndexOf($"<!-- measured: {name} -->", StringComparison.Ordinal);
        Assert.True(start >= 0, $"The page has no place for {name}.");
        var end = page.IndexOf("<!-- end -->", start, StringComparison.Ordinal) + "<!-- end -->".Length;
        if (IsToWrite)
            File.WriteAllText(path, page[..start] + expected + page[end..]);
        else
            Assert.Equal(expected, page[start..end]);
        Assert.StartsWith($"{name}: ", page[..start].Split("\n## ")[^1]);
    }

    [Theory]
    [MemberData(nameof(NotMeasured))]
    public void The_page_says_what_is_not_measured_yet(string name)
    {
        var page = File.ReadAllText(Path.Combine(Docs, "explanation", "claims.md")).ReplaceLineEndings("\n");
        var section = page.Split("\n## ").Single(part => part.StartsWith($"{name}: ", StringComparison.Ordinal));
        Assert.Contains($"<!-- measured: {name} -->\n\nNot measured yet.\n\n<!-- end -->", section);
    }

    [Theory]
    [MemberData(nameof(Kept))]
    public void The_plot_of_the_page_can_be_drawn_from_the_rows(string name)
    {
        using var folder = new TemporaryFolder();
        var path = IsToWrite ? Path.Combine(Docs, "explanation", $"{name}.png") : folder["plot.png"];
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
            if (File.Exists(Path.Combine(folder, "maps.png")))
                File.Copy(Path.Combine(folder, "maps.png"), Path.Combine(Docs, "explanation", "maps.png"), overwrite: true);
            var data = info.Data with { Folder = Path.GetFileName(Path.TrimEndingDirectorySeparator(info.Data.Folder)) };
            File.WriteAllText(
                PathOf(info.Experiment, "json"), JsonSerializer.Serialize(info with { Data = data }, JsonFormat.Indented) + "\n");
        }

        return [.. Experiment.All.Select(experiment => experiment.Name).Where(name => File.Exists(PathOf(name, "csv")))];
    }

    private static string PathOf(string name, string extension) => Path.Combine(Docs, "measurements", $"{name}.{extension}");

    // Rows without a record were measured before records were kept.
    private static ExperimentInfo InfoOf(string name) => File.Exists(PathOf(name, "json"))
        ? JsonFormat.Parse<ExperimentInfo>(File.ReadAllText(PathOf(name, "json")), name)
        : ClaimTests.InfoOf(Experiment.All.Single(experiment => experiment.Name == name));

    private static IEnumerable<string> FormatTable(MnistCnn.Charts.ResultTable table) =>
    [
        Line(table.Headings),
        Line(table.Headings.Select((_, column) => column == 0 ? "---" : "---:")),
        .. table.Rows.Select(Line),
    ];

    private static string Line(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";

    private static ExperimentResults Conclude(string name, IEnumerable<JsonElement> rows)
    {
        using var folder = new TemporaryFolder();
        var trial = new TrialResult<JsonElement>("all", [.. rows]);
        File.WriteAllText(folder["trials.jsonl"], JsonSerializer.Serialize(trial, JsonFormat.Line));
        return Experiment.All.Single(experiment => experiment.Name == name).ReadResults(folder.FullPath, InfoOf(name));
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
}
