using System.CommandLine;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;

namespace MnistCnn.Commands;

/// <summary><c>compare</c>: several runs in one plot and one table.</summary>
internal static class CompareCommand
{
    private const string DefaultPlot = "compare.png";

    private static readonly Argument<string[]> Runs = new("RUN")
    {
        Description = "Run folders, finished or running: any folder with a metrics.jsonl.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string?> Plot = CommonOptions.Plot(DefaultPlot);
    public static Command Create()
    {
        var command = new Command("compare", "Show several runs in one plot and one table.") { Runs, Plot, CommonOptions.Json };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        var plotPath = Path.GetFullPath(line.GetValue(Plot) ?? DefaultPlot);
        var runs = RunRecord.ReadAll(line.GetRequiredValue(Runs));
        ComparisonReport.Write(
            runs, () => PlotFile.DrawAll(Plot.Name, (plotPath, path => ComparisonPlot.Draw(path, runs))), line.GetValue(CommonOptions.Json));
        return 0;
    }
}
