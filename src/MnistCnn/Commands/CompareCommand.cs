using System.CommandLine;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;

namespace MnistCnn.Commands;

internal static class CompareCommand
{
    private const string DefaultPlot = "compare.png";

    private static readonly Argument<string[]> Runs = new("RUN")
    {
        Description = "Run folders, finished or not: any folder with a run.json or a metrics.jsonl.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string?> Plot = SharedOptions.CreatePlot(DefaultPlot);

    public static Command Create() => OptionParsers.CreateCommand(
        "compare", "Compare several runs in one plot and one table.", Run, [Runs, Plot, SharedOptions.Json]);

    private static int Run(ParseResult parseResult)
    {
        var plotPath = Path.GetFullPath(parseResult.GetValue(Plot) ?? DefaultPlot);
        var runs = RunRecord.ReadAll(parseResult.GetRequiredValue(Runs));
        var started = runs.Where(run => run.Epochs.Count > 0).ToArray();
        ComparisonReport.Write(
            runs,
            () => started.Length == 0 ? [] : PlotFile.DrawAll(Plot.Name, (plotPath, path => ComparisonPlot.Draw(path, started))),
            parseResult.GetValue(SharedOptions.Json),
            resumeHint: "Resume it with: train --resume FOLDER");
        return 0;
    }
}
