using System.Globalization;
using MnistCnn.Charts;

namespace MnistCnn.Sweeps;

/// <summary>What came out of a sweep so far: a table with a row for each setting, the seeds taken together, and a chart.</summary>
internal static class SweepSummary
{
    private const int MostCurves = 8;

    /// <summary>A row for each setting, in the order of the grid.</summary>
    /// <param name="grid">What varies.</param>
    /// <param name="results">What came out.</param>
    public static ResultTable Table(Grid grid, IReadOnlyList<SweepResult> results)
    {
        var shown = Varied(grid).ToArray();
        var isValidated = results.Any(result => result.Chosen?.ValidationAccuracy is not null);
        return new ResultTable(
            [
                .. shown.Select(index => grid.Parameters[index].Name),
                "Runs",
                .. isValidated ? [Wording.MeanAndDeviationHeading("Validation")] : Array.Empty<string>(),
                Wording.MeanAndDeviationHeading("Test"),
                ConfidenceInterval.Heading,
                "Test loss",
                "Seconds",
            ],
            [
                .. from result in results
                   group result by Setting(grid, result) into setting
                   let ended = setting.Where(result => result.Chosen is not null).ToArray()
                   select (string[])
                   [
                       .. shown.Select(index => setting.First().Trial.Values[index]),
                       ended.Length == setting.Count() ? $"{ended.Length}" : $"{ended.Length} of {setting.Count()}",
                       .. isValidated ? [Wording.MeanAndDeviation(ended.Select(result => result.Chosen!.ValidationAccuracy!.Value))] : Array.Empty<string>(),
                       Wording.MeanAndDeviation(ended.Select(result => result.Chosen!.TestAccuracy)),
                       ConfidenceInterval.HalfWidth([.. ended.Select(result => result.Chosen!.TestAccuracy)]) is { } half ? $"± {half:F2}" : "",
                       ended.Length == 0 ? "" : $"{ended.Average(result => result.Chosen!.TestLoss):F4}",
                       ended.Length == 0 ? "" : $"{ended.Average(result => result.Seconds):F1}",
                   ],
            ]);
    }

    /// <summary>
    /// Test accuracy over the first parameter with three or more numbers as values, a curve for each combination of the others; over the
    /// epochs where there is none. Many curves are cut to the best. Runs that diverged are missing in the mean: the point says so, or the name of
    /// the curve.
    /// </summary>
    /// <param name="grid">What varies.</param>
    /// <param name="results">What came out; none gives null.</param>
    public static Chart? Chart(Grid grid, IReadOnlyList<SweepResult> results)
    {
        SweepResult[] ended = [.. results.Where(result => result.Chosen is not null)];
        if (ended.Length == 0)
            return null;
        var axis = Varied(grid).FirstOrDefault(index => Numbers(grid.Parameters[index]) is { Length: >= 3 }, -1);
        var groups = ended.GroupBy(result => Setting(grid, result, axis))
            .OrderByDescending(group => group.Average(result => result.Chosen!.SelectionAccuracy)).ToArray();
        var shown = groups.Take(MostCurves).OrderBy(group => Array.IndexOf(ended, group.First())).ToArray();
        var all = results.ToLookup(result => Setting(grid, result, axis));
        var chosen = ended.Any(result => result.Chosen!.ValidationAccuracy is null) ? "chosen on the test images" : "chosen in validation";
        var title = groups.Length > shown.Length
            ? $"The best {shown.Length} of {groups.Length} settings ({chosen})"
            : "Test accuracy";
        if (axis < 0)
            return new Chart(title, "Epoch", Charts.Chart.AccuracyLabel, [.. shown.Select(group => Curve.MeanWithRange(
                string.Join(", ", new[] { group.Key, Ended(all[group.Key]) }.Where(text => text.Length > 0)),
                group.SelectMany(result => result.Epochs.Select(epoch => ((double)epoch.Epoch, epoch.TestAccuracy)))))])
            {
                IntegerAxisMax = ended.Max(result => result.Epochs.Count),
            };

        var numbers = Numbers(grid.Parameters[axis])!;
        return new Chart(title, grid.Parameters[axis].Name, Charts.Chart.AccuracyLabel, [.. shown.Select(OverAxis)])
        {
            LogX = numbers.All(number => number > 0) && numbers.Max() >= 10 * numbers.Min(),
        };

        Curve OverAxis(IGrouping<string, SweepResult> group)
        {
            var curve = Curve.MeanWithRange(group.Key, group.Select(result => (At(result), result.Chosen!.TestAccuracy)));
            return curve with { Marks = [.. curve.X.Select(x => Ended(all[group.Key].Where(result => At(result) == x)))] };
        }

        double At(SweepResult result) => Number(result.Trial.Values[axis])!.Value;
    }

    /// <summary>Lines to write above the chart: the meaning of its line, its band and its counts.</summary>
    public static IReadOnlyList<string> Notes(Grid grid, IReadOnlyList<SweepResult> results)
    {
        var diverged = results.Count(result => result.Chosen is null);
        var hasSeeds = grid.Parameters.Any(parameter => parameter.Name == GridParameter.Seed && parameter.Values.Count > 1);
        return
        [
            .. hasSeeds ? ["Mean over the seeds, bands from the lowest to the highest"] : Array.Empty<string>(),
            .. diverged > 0
                ? [$"{diverged} of {results.Count} runs diverged and are not shown; “1 of 3” counts the runs that are"]
                : Array.Empty<string>(),
        ];
    }

    // "1 of 3", or nothing if all runs came to their end.
    private static string Ended(IEnumerable<SweepResult> runs)
    {
        var (ended, all) = (runs.Count(result => result.Chosen is not null), runs.Count());
        return ended == all ? "" : $"{ended} of {all}";
    }

    private static IEnumerable<int> Varied(Grid grid) => Enumerable.Range(0, grid.Parameters.Count).Where(index => grid.Parameters[index].Name != GridParameter.Seed);

    // "arch=residual, lr=0.01": all but the seed, and the parameter that is the axis.
    private static string Setting(Grid grid, SweepResult result, int axis = -1) => string.Join(", ", Varied(grid)
        .Where(index => index != axis)
        .Select(index => $"{grid.Parameters[index].Name}={result.Trial.Values[index]}"));

    private static double[]? Numbers(GridParameter parameter)
    {
        double?[] numbers = [.. parameter.Values.Select(Number)];
        return numbers.Any(number => number is null) ? null : [.. numbers.Select(number => number!.Value)];
    }

    private static double? Number(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
