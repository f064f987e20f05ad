using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using MnistCnn.Experiments;

namespace MnistCnn.Tests.Experiments;

/// <summary>The page about the experiments says what came out of the measurements that lie beside it.</summary>
public sealed partial class MeasurementsTests
{
    private static readonly string Docs = Path.Combine(RepositoryRoot.FullPath, "docs");

    /// <summary>The experiments whose measurements are kept.</summary>
    public static TheoryData<string> Kept { get; } =
        [.. Directory.GetFiles(Path.Combine(Docs, "measurements"), "*.csv").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Kept))]
    public void The_page_has_the_verdict_and_the_figures(string name)
    {
        var findings = Claims.All.Single(experiment => experiment.Name == name).Conclude(Rows(name));
        var section = File.ReadAllText(Path.Combine(Docs, "experiments.md")).ReplaceLineEndings("\n").Split("\n## ").Single(part => part.StartsWith($"{name}: ", StringComparison.Ordinal));
        Assert.Contains($"\n    {findings.Verdict.Text}\n", section);
        var cells = Cell().Matches(section).Select(cell => cell.Groups[1].Value.Trim()).ToHashSet();
        Assert.All(findings.Table.Rows.SelectMany(row => row.Skip(1)).Where(cell => cell.Length > 0), cell => Assert.Contains(cell, cells));
    }

    private static JsonElement[] Rows(string name)
    {
        var lines = File.ReadAllLines(Path.Combine(Docs, "measurements", $"{name}.csv"));
        var names = lines[0].Split(',');
        return [.. lines.Skip(1).Select(line => JsonSerializer.SerializeToElement(names.Zip(line.Split(',').Select(Value)).ToDictionary()))];
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
