using MnistCnn.Runs;
using MnistCnn.Training;
using Spectre.Console;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>compare</c> sees.</summary>
internal static class ComparisonReport
{
    private const double Goal = 98;
    private const string Test = "test", Validation = "validation";

    /// <summary>Writes the table, or JSON, to standard output.</summary>
    /// <param name="runs">What to compare.</param>
    /// <param name="draw">Draws the plot and returns its path, or nothing if it could not be drawn.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Write(IReadOnlyList<RunRecord> runs, Func<IReadOnlyList<string>> draw, bool json)
    {
        Row[] rows = [.. runs.Select(RowOf)];
        Output.Write(
            json,
            files => new { Runs = rows, AccuracyGoal = Goal, Plot = files is [var path] ? path : null },
            console =>
            {
                console.Write(Table(rows));
                if (rows.Any(row => row.BestChosenOn == Test))
                    Console.Out.WriteLine($"* {TrainingText.ChosenOnTest}");
                foreach (var row in rows)
                    if (TrainingText.Balanced(row.BestAccuracy, row.BestBalancedAccuracy) is { } balanced)
                        Console.Out.WriteLine($"{row.Name}: {balanced}, worst {ClassText.Line(row.WorstClass!.Name, ClassText.LongestName)} {row.WorstClass.Accuracy:F2} %");
            },
            draw);
    }

    private static Row RowOf(RunRecord run)
    {
        var best = EpochMetrics.Best(run.Epochs)!;
        return new Row(
            run.Name,
            run.Info?.Settings.Architecture.Name,
            run.Info?.Parameters,
            run.Epochs.Count,
            best.TestAccuracy,
            run.Epochs.Count == 1 ? null : best.ValidationAccuracy is null ? Test : Validation,
            best.TestBalancedAccuracy,
            Worst(best, run.Info?.Data.ClassNames),
            run.Epochs.FirstOrDefault(epoch => epoch.TestAccuracy >= Goal)?.Epoch,
            run.Epochs.Average(epoch => epoch.TrainSeconds + epoch.TestSeconds));
    }

    private static ClassAccuracy? Worst(EpochMetrics epoch, IReadOnlyList<string>? names) => (epoch.TestClassAccuracies ?? []).Index()
        .Where(value => value.Item is not null)
        .Select(value => new ClassAccuracy(names?.ElementAtOrDefault(value.Index) ?? $"{value.Index}", value.Item!.Value))
        .MinBy(value => value.Accuracy);

    // Narrow enough for names such as residual-20260101-120000 in 80 columns.
    private static Table Table(Row[] rows)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var heading in new[] { "Run", "Network" })
            table.AddColumn(heading, column => column.PadLeft(0).PadRight(0));
        foreach (var heading in new[] { "Parameters", "Epochs", "Best", $"To {Goal} %", "s/epoch" })
            table.AddColumn(heading, column => column.RightAligned().PadLeft(0).PadRight(0));
        foreach (var row in rows)
            table.AddRow(
                new Text(row.Name),
                new Text(row.Architecture ?? "-"),
                new Text($"{row.Parameters:N0}"),
                new Text($"{row.Epochs}"),
                new Text($"{row.BestAccuracy:F2} %{(row.BestChosenOn == Test ? "*" : "")}"),
                new Text($"{row.EpochsToGoal}"),
                new Text($"{row.SecondsPerEpoch:F1}"));
        return table;
    }

    private sealed record Row(
        string Name,
        string? Architecture,
        long? Parameters,
        int Epochs,
        double BestAccuracy,
        string? BestChosenOn,
        double? BestBalancedAccuracy,
        ClassAccuracy? WorstClass,
        int? EpochsToGoal,
        double SecondsPerEpoch);

    private sealed record ClassAccuracy(string Name, double Accuracy);
}
