using MnistCnn.Charts;
using static MnistCnn.Charts.Wording;

namespace MnistCnn.Sweeps;

/// <summary>Table and plot of the results of a sweep, averaged over the seeds.</summary>
internal static class SweepSummary
{
    private const int MaxCurves = 8;

    /// <summary>Creates a table with one row per combination of the settings except the seed, in the order of the grid.</summary>
    public static ResultTable CreateTable(Grid grid, IReadOnlyList<SweepResult> results)
    {
        var varied = IndicesWithoutSeed(grid).ToArray();
        var isValidated = results.Any(result => result.Chosen?.ValidationAccuracy is not null);
        string[] validationHeading = isValidated ? [MeanAndDeviationHeading("Validation")] : [];
        return new ResultTable(
            [
                .. varied.Select(index => grid.Parameters[index].Name),
                "Runs",
                .. validationHeading,
                MeanAndDeviationHeading("Test"),
                ConfidenceInterval.Heading,
                "Test loss",
                "Seconds",
            ],
            [
                .. from result in results
                   group result by SettingOf(grid, result) into setting
                   select (string[])
                   [
                       .. varied.Select(index => setting.First().Trial.Values[index]),
                       .. FormatResults([.. setting], isValidated),
                   ],
            ]);
    }

    /// <summary>
    /// Creates a chart of test accuracies over the first parameter with three or more numbers, or over the epochs if there is none. Each
    /// combination of the other parameters is a curve, the best few of many. If runs diverged, the point or the curve's name says of how
    /// many runs it is the mean.
    /// </summary>
    /// <returns>The chart; null if no run has finished.</returns>
    public static Chart? CreateChart(Grid grid, IReadOnlyList<SweepResult> results)
    {
        SweepResult[] finished = [.. results.Where(result => result.Chosen is not null)];
        if (finished.Length == 0)
            return null;
        var axis = IndicesWithoutSeed(grid).FirstOrDefault(index => ParseNumbers(grid.Parameters[index]) is { Length: >= 3 }, -1);
        var groups = finished.GroupBy(result => SettingOf(grid, result, axis))
            .OrderByDescending(group => group.Average(result => result.Chosen!.SelectionAccuracy)).ToArray();
        var shown = groups.Take(MaxCurves).OrderBy(group => Array.IndexOf(finished, group.First()));
        var all = results.ToLookup(result => SettingOf(grid, result, axis));
        var isValidated = finished.All(result => result.Chosen!.ValidationAccuracy is not null);
        var title = groups.Length > MaxCurves
            ? $"The best {MaxCurves} of {groups.Length} settings (chosen {(isValidated ? "in validation" : "on the test images")})"
            : "Test accuracy";
        if (axis < 0)
            return new Chart(title, "Epoch", Chart.AccuracyLabel, [.. shown.Select(OverEpochs)])
            {
                IntegerAxisMax = finished.Max(result => result.Epochs.Count),
            };

        var numbers = ParseNumbers(grid.Parameters[axis])!;
        return new Chart(title, grid.Parameters[axis].Name, Chart.AccuracyLabel, [.. shown.Select(OverAxis)])
        {
            LogX = numbers.All(number => number > 0) && numbers.Max() >= 10 * numbers.Min(),
        };

        Curve OverEpochs(IGrouping<string, SweepResult> group) => Curve.MeanWithRange(
            string.Join(", ", new[] { group.Key, CountIfDiverged(all[group.Key]) }.Where(text => text.Length > 0)),
            group.SelectMany(result => result.Epochs.Select(epoch => ((double)epoch.Epoch, epoch.TestAccuracy))));

        Curve OverAxis(IGrouping<string, SweepResult> group)
        {
            var curve = Curve.MeanWithRange(group.Key, group.Select(result => (X(result), result.Chosen!.TestAccuracy)));
            return curve with { Marks = [.. curve.X.Select(x => CountIfDiverged(all[group.Key].Where(result => X(result) == x)))] };
        }

        double X(SweepResult result) => ParseNumber(result.Trial.Values[axis])!.Value;
    }

    /// <summary>Explains the chart's curves, bands and counts, one line each.</summary>
    public static IReadOnlyList<string> CreateNotes(Grid grid, IReadOnlyList<SweepResult> results)
    {
        var diverged = results.Count(result => result.Chosen is null);
        List<string> notes = [];
        if (grid.Parameters.Any(parameter => parameter.Name == GridParameter.Seed && parameter.Values.Count > 1))
            notes.Add("Mean over the seeds, bands from the lowest to the highest");
        if (diverged > 0)
            notes.Add($"{diverged} of {results.Count} runs diverged and are not shown; “1 of 3” counts the runs that are");
        return notes;
    }

    private static string[] FormatResults(IReadOnlyList<SweepResult> runs, bool isValidated)
    {
        SweepResult[] finished = [.. runs.Where(run => run.Chosen is not null)];
        string[] validation = isValidated ? [MeanAndDeviation(finished.Select(run => run.Chosen!.ValidationAccuracy!.Value))] : [];
        double[] accuracies = [.. finished.Select(run => run.Chosen!.TestAccuracy)];
        return
        [
            finished.Length == runs.Count ? $"{finished.Length}" : $"{finished.Length} of {runs.Count}",
            .. validation,
            MeanAndDeviation(accuracies),
            ConfidenceInterval.HalfWidth(accuracies) is { } half ? $"± {half:F2}" : "",
            finished.Length == 0 ? "" : $"{finished.Average(run => run.Chosen!.TestLoss):F4}",
            finished.Length == 0 ? "" : $"{finished.Average(run => run.Seconds):F1}",
        ];
    }

    // "1 of 3"; nothing if all runs finished.
    private static string CountIfDiverged(IEnumerable<SweepResult> runs)
    {
        var (finished, all) = (runs.Count(run => run.Chosen is not null), runs.Count());
        return finished == all ? "" : $"{finished} of {all}";
    }

    private static IEnumerable<int> IndicesWithoutSeed(Grid grid) =>
        Enumerable.Range(0, grid.Parameters.Count).Where(index => grid.Parameters[index].Name != GridParameter.Seed);

    // "arch=residual, lr=0.01", without the seed and the parameter on the axis.
    private static string SettingOf(Grid grid, SweepResult result, int axis = -1) => string.Join(", ", IndicesWithoutSeed(grid)
        .Where(index => index != axis)
        .Select(index => $"{grid.Parameters[index].Name}={result.Trial.Values[index]}"));

    private static double[]? ParseNumbers(GridParameter parameter)
    {
        double?[] numbers = [.. parameter.Values.Select(ParseNumber)];
        return numbers.Any(number => number is null) ? null : [.. numbers.Select(number => number!.Value)];
    }

    private static double? ParseNumber(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
