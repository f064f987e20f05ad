using MnistCnn.Runs;
using MnistCnn.Training;
using Spectre.Console;

namespace MnistCnn.Reporting;

internal static class ComparisonReport
{
    private const double Goal = 98;
    private const string Test = "test", Validation = "validation";

    /// <param name="resumeHint">How to resume a stopped or interrupted run.</param>
    public static void Write(IReadOnlyList<RunRecord> runs, Func<IReadOnlyList<string>> draw, bool json, string resumeHint)
    {
        Row[] rows = [.. runs.Select(CreateRow)];
        Output.Write(
            json,
            files => new { Runs = rows, AccuracyGoal = Goal, Plot = files is [var path] ? path : null },
            console =>
            {
                console.Write(CreateTable(rows));
                if (rows.Any(row => row.BestChosenOn == Test))
                    Terminal.WriteLine($"* {TrainingText.ChosenOnTest}");
                foreach (var row in rows.Where(row => row.Status is not (null or RunStatus.Running or RunStatus.Finished)))
                    Terminal.WriteLine($"{row.Name}: {$"{row.Status}".ToLowerInvariant()}{(row.Error is null ? "" : $": {row.Error}")}"
                        + (row.Status is RunStatus.Stopped or RunStatus.Interrupted ? $". {resumeHint}" : ""));
                foreach (var row in rows)
                    if (TrainingText.BalancedAccuracy(row.BestAccuracy ?? 0, row.BestBalancedAccuracy) is { } balanced)
                        Terminal.WriteLine($"{row.Name}: {balanced}, worst class {Format(row.WorstClass!)}");
            },
            draw);
    }

    private static Row CreateRow(RunRecord run)
    {
        var best = EpochMetrics.Best(run.Epochs);
        return new Row(
            run.Name,
            run.Info?.Settings.Architecture.Name,
            run.Info?.Parameters,
            run.Epochs.Count,
            run.Info?.Status,
            run.Info?.Error,
            best?.TestAccuracy,
            run.Epochs.Count <= 1 ? null : best!.ValidationAccuracy is null ? Test : Validation,
            best?.TestBalancedAccuracy,
            FindWorstClass(best, run.Info?.Data.ClassNames),
            run.Epochs.FirstOrDefault(epoch => epoch.TestAccuracy >= Goal)?.Epoch,
            run.Epochs.Count == 0 ? null : run.Epochs.Average(epoch => epoch.TrainSeconds + epoch.TestSeconds));
    }

    private static ClassAccuracy? FindWorstClass(EpochMetrics? epoch, IReadOnlyList<string>? names) => (
        from item in (epoch?.TestClassAccuracies ?? []).Index()
        where item.Item is not null
        select new ClassAccuracy(names?.ElementAtOrDefault(item.Index) ?? $"{item.Index}", item.Item!.Value)).MinBy(row => row.Accuracy);

    private static string Format(ClassAccuracy worst) => $"{ClassName.Truncate(worst.Name, ClassName.MaxColumns)} ({worst.Accuracy:F2} %)";

    // Narrow enough for names such as residual-20260101-120000 in 80 columns.
    private static Table CreateTable(Row[] rows)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var heading in new[] { "Run", "Network" })
            table.AddColumn(heading, column => column.PadLeft(0).PadRight(0));
        foreach (var heading in new[] { "Parameters", "Epochs", "Best\naccuracy", $"Epochs\nto {Goal} %", "Seconds\n/ epoch" })
            table.AddColumn(heading, column => column.RightAligned().PadLeft(0).PadRight(0));
        foreach (var row in rows)
            table.AddRow(
                Terminal.Cell(row.Name),
                new Text(row.Architecture ?? "-"),
                new Text($"{row.Parameters:N0}"),
                new Text($"{row.Epochs}"),
                new Text(row.BestAccuracy is null ? "-" : $"{row.BestAccuracy:F2} %{(row.BestChosenOn == Test ? "*" : "")}"),
                new Text($"{row.EpochsToGoal}"),
                new Text($"{row.SecondsPerEpoch:F1}"));
        return table;
    }

    // The property names are the names in the JSON document.
    private sealed record Row(
        string Name, string? Architecture, long? Parameters, int Epochs, RunStatus? Status, string? Error, double? BestAccuracy,
        string? BestChosenOn, double? BestBalancedAccuracy, ClassAccuracy? WorstClass, int? EpochsToGoal, double? SecondsPerEpoch);

    private sealed record ClassAccuracy(string Name, double Accuracy);
}
