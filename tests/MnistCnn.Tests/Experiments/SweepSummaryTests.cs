using MnistCnn.Sweeps;
using MnistCnn.Training;

namespace MnistCnn.Tests.Experiments;

/// <summary>The table and the plot of a sweep, from results that are made up.</summary>
public sealed class SweepSummaryTests
{
    private static readonly Grid Grid = new([new GridParameter("lr", ["0.1", "0.2", "1"]), new GridParameter("seed", ["1", "2", "3"])]);

    [Fact]
    public void Headings_tell_the_standard_deviation_from_the_interval()
    {
        var table = SweepSummary.CreateTable(Grid, [Result("0.1", 1, 90), Result("0.1", 2, 91), Result("0.1", 3, 92)]);
        Assert.Equal(["lr", "Runs", "Test (%), mean ± SD", "95 % CI", "Test loss", "Seconds"], table.Headings);
        Assert.Equal(["0.1", "3", "91.00 ± 1.00", "± 2.48", "0.1000", "2.0"], table.Rows[0]);
    }

    // At lr=1, two of three diverged: the one that did not is no mean of three.
    [Fact]
    public void The_plot_says_how_many_runs_a_point_is_of()
    {
        SweepResult[] results =
        [
            .. from rate in Grid.Parameters[0].Values
               from seed in new[] { 1, 2, 3 }
               select Result(rate, seed, rate == "1" && seed < 3 ? null : 90 + seed),
        ];
        var curve = Assert.Single(SweepSummary.CreateChart(Grid, results)!.Curves);
        Assert.Equal(["", "", "1 of 3"], curve.Marks!);
        Assert.Equal(
            [
                "Mean over the seeds, bands from the lowest to the highest",
                "2 of 9 runs diverged and are not shown; “1 of 3” counts the runs that are",
            ],
            SweepSummary.CreateNotes(Grid, results));

        var overEpochs = new Grid([new GridParameter("lr", ["0.1", "1"]), Grid.Parameters[1]]);
        var chart = SweepSummary.CreateChart(overEpochs, [.. results.Where(result => result.Trial.Values[0] != "0.2")])!;
        Assert.Equal(["lr=0.1", "lr=1, 1 of 3"], chart.Curves.Select(shown => shown.Name));
    }

    [Fact]
    public void The_best_settings_are_those_in_validation_where_there_is_one()
    {
        var grid = new Grid([new GridParameter("recipe", [.. Enumerable.Range(0, 9).Select(index => $"r{index}")])]);
        Assert.Equal("The best 8 of 9 settings (chosen on the test images)", Title(null, out var names));
        Assert.DoesNotContain("recipe=r0", names);
        Assert.Equal("The best 8 of 9 settings (chosen in validation)", Title(10, out names));
        Assert.DoesNotContain("recipe=r8", names);

        // Validation accuracy falls as test accuracy rises.
        string Title(double? validation, out string[] names)
        {
            var chart = SweepSummary.CreateChart(grid, [.. grid.Points.Select((point, index) =>
            {
                var epoch = new EpochMetrics(1, 0.1, 0.1, 90 + index, 1, 1, 60, ValidationAccuracy: validation - index);
                return new SweepResult(new SweepTrial(grid.NameOf(point), point, new TrainSettings()), null, [epoch], 10);
            })])!;
            names = [.. chart.Curves.Select(curve => curve.Name)];
            return chart.Title;
        }
    }

    private static SweepResult Result(string rate, int seed, double? accuracy)
    {
        var trial = new SweepTrial(Grid.NameOf([rate, $"{seed}"]), [rate, $"{seed}"], new TrainSettings());
        if (accuracy is null)
            return new SweepResult(trial, "The loss became NaN.", [], 10);
        var epoch = new EpochMetrics(1, 0.1, 0.1, accuracy.Value, 1, 1, 60);
        return new SweepResult(trial, null, [epoch], 10);
    }
}
