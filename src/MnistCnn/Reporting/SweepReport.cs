using MnistCnn.Files;
using MnistCnn.Reporting.Plots;
using MnistCnn.Sweeps;

namespace MnistCnn.Reporting;

internal static class SweepReport
{
    /// <summary>Writes the results so far: <c>results.csv</c> with one line per run, and <c>plot.png</c>.</summary>
    public static void WriteFiles(Sweep sweep)
    {
        var results = sweep.ReadResults();
        if (results.Count > 0)
            CsvFile.Write(CsvPath(sweep), [.. results.Select(result => result.CreateRow(sweep.Grid))]);
        if (SweepSummary.CreateChart(sweep.Grid, results) is { } chart)
            PlotFile.TryDraw(
                PlotPath(sweep), () => ChartPlot.Draw(PlotPath(sweep), "", SweepSummary.CreateNotes(sweep.Grid, results), [[chart]]));
    }

    public static void Write(Sweep sweep, bool json)
    {
        var results = sweep.ReadResults();
        var table = SweepSummary.CreateTable(sweep.Grid, results);
        string[] files = [Path.Combine(sweep.Folder, SweepInfo.FileName), .. new[] { CsvPath(sweep), PlotPath(sweep) }.Where(File.Exists)];
        Output.Write(
            json,
            new { Grid = sweep.Grid.Parameters, Results = results.Select(result => result.CreateRow(sweep.Grid)), Files = files },
            console => console.Write(ExperimentReport.CreateTable(table)),
            files);
        foreach (var diverged in results.Where(result => result.Error is not null))
            Terminal.WriteErrorLine($"{diverged.Trial.Name} diverged: {diverged.Error}");
    }

    private static string CsvPath(Sweep sweep) => Path.Combine(sweep.Folder, "results.csv");

    private static string PlotPath(Sweep sweep) => Path.Combine(sweep.Folder, "plot.png");
}
