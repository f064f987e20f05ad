using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runs;

namespace MnistCnn.Tests.Experiments;

/// <summary>
/// Compares docs/experiments.md with the saved measurements. With the environment variable MNIST_CNN_PLOTS=write, the test draws the plots
/// of the page again.
/// </summary>
public sealed partial class MeasurementsTests
{
    private static readonly string Docs = Path.Combine(RepositoryRoot.FullPath, "docs");

    /// <summary>The experiments whose measurements are kept.</summary>
    public static TheoryData<string> Kept { get; } =
    [
        .. Directory.GetFiles(Path.Combine(Docs, "measurements"), "*.csv")
            .Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Kept))]
    public void The_page_has_the_verdict_and_the_figures(string name)
    {
        var results = Conclude(name, Rows(name));
        var page = File.ReadAllText(Path.Combine(Docs, "experiments.md")).ReplaceLineEndings("\n");
        var section = page.Split("\n## ").Single(part => part.StartsWith($"{name}: ", StringComparison.Ordinal));
        Assert.Contains($"\n    {results.Verdict.Text}\n", section);
        var cells = Cell().Matches(section).Select(cell => cell.Groups[1].Value.Trim()).ToHashSet();
        Assert.All(results.Table.Rows.SelectMany(row => row.Skip(1)).Where(cell => cell.Length > 0), cell => Assert.Contains(cell, cells));
    }

    [Theory]
    [MemberData(nameof(Kept))]
    public void The_plot_of_the_page_can_be_drawn_from_the_rows(string name)
    {
        var experiment = Experiment.All.Single(experiment => experiment.Name == name);
        var (settings, unknown) = (experiment.Full, new Dictionary<string, string>());
        var data = new RunData("mnist", settings.TrainLimit, settings.TestLimit ?? 10_000, unknown, Normalization.Mnist, []);
        var info = new ExperimentInfo(name, experiment.Claim, settings, "cpu", 1, unknown, data, DateTimeOffset.UnixEpoch);
        using var folder = new TemporaryFolder();
        var isToStay = Environment.GetEnvironmentVariable("MNIST_CNN_PLOTS") == "write";
        var path = isToStay ? Path.Combine(Docs, $"{name}.png") : folder["plot.png"];
        ExperimentReport.DrawPlot(path, info, Conclude(name, Rows(name)));
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
        var column = name == "bottleneck" ? "width" : "network";
        foreach (var network in Rows(name).GroupBy(row => row.GetProperty(column).GetRawText()))
            Assert.NotEmpty(Conclude(name, Rows(name).Where(row => row.GetProperty(column).GetRawText() != network.Key)).Charts);

        if (name == "views")
            return; // its titles compare no two curves
        var (whole, later) = (Rows(name), Rows(name).Where(row => row.GetProperty("seed").GetInt64() > 1).ToArray());
        var first = whole[0].GetProperty(column).GetRawText();
        var without = whole.Where(row => row.GetProperty("seed").GetInt64() > 1 || row.GetProperty(column).GetRawText() != first).ToArray();
        Assert.Equal(
            Conclude(name, later).Charts.SelectMany(row => row).Select(chart => chart.Curves[0].Name),
            Conclude(name, without).Charts.SelectMany(row => row).Select(chart => chart.Curves[0].Name));
    }

    private static ExperimentResults Conclude(string name, IEnumerable<JsonElement> rows)
    {
        using var folder = new TemporaryFolder();
        var trial = new TrialResult<JsonElement>("all", [.. rows]);
        File.WriteAllText(folder["trials.jsonl"], JsonSerializer.Serialize(trial, JsonFormat.Line));
        return Experiment.All.Single(experiment => experiment.Name == name).ReadResults(folder.FullPath);
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

    [GeneratedRegex(@"\|([^|\n]+)(?=\|)")]
    private static partial Regex Cell();
}
