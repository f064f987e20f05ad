using MnistCnn.Files;
using MnistCnn.Reporting.Plots;
using MnistCnn.Sweeps;

namespace MnistCnn.Reporting;

/// <summary>What the user of <c>sweep</c> sees.</summary>
internal static class SweepReport
{
    /// <summary>Writes what came out into the sweep's folder: <c>results.csv</c> with a line a run, and <c>plot.png</c>.</summary>
    /// <returns>The paths of the files that are there.</returns>
    /// <exception cref="IOException">One of them cannot be written.</exception>
    public static IReadOnlyList<string> WriteFiles(Sweep sweep, IReadOnlyList<SweepResult> results)
    {
        var (csv, plot) = (Path.Combine(sweep.Folder, "results.csv"), Path.Combine(sweep.Folder, "plot.png"));
        if (results.Count > 0)
            CsvFile.Write(csv, [.. results.Select(result => result.Row(sweep.Grid))]);
        if (SweepSummary.Chart(sweep.Grid, results) is { } chart)
            ChartPlot.Draw(plot, "", SweepSummary.Notes(sweep.Grid, results), [[chart]]);
        return [Path.Combine(sweep.Folder, Sweep.InfoFile), .. new[] { csv, plot }.Where(File.Exists)];
    }

    /// <summary>Reports the end.</summary>
    /// <param name="sweep">The sweep.</param>
    /// <param name="results">What came out.</param>
    /// <param name="files">The paths of what it left behind.</param>
    /// <param name="json">Whether to write JSON.</param>
    public static void Result(Sweep sweep, IReadOnlyList<SweepResult> results, IReadOnlyList<string> files, bool json)
    {
        var table = SweepSummary.Table(sweep.Grid, results);
        Output.Write(
            json,
            new { Grid = sweep.Grid.Parameters, Results = results.Select(result => result.Row(sweep.Grid)), Files = files },
            console => console.Write(ExperimentReport.TableOf(table)),
            files);
        foreach (var failed in results.Where(result => result.Chosen is null))
            Console.Error.WriteLine($"{failed.Trial.Name} diverged: {failed.Error}");
    }
}
