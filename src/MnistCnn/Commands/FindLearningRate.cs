using System.CommandLine;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Commands;

/// <summary><c>train --find-lr</c>: runs a <see cref="LearningRateTest"/>, and writes its steps, their plot and the suggestion.</summary>
internal static class FindLearningRate
{
    private const string Name = "find-lr";

    public static int Run(ParseResult parseResult, TrainingRequest request, CancellationToken cancellation)
    {
        var group = request.Parallelism.Group;
        request = request with { Settings = LearningRateTest.Prepare(request.Settings) };
        using var trainer = TrainingRun.CreateTrainer(request, checkpoint: null, out var initNotes);
        DataOptions.Report(parseResult, request.Data);
        if (SettingsOptions.IsRecipeOfData(parseResult))
            SettingsOptions.ReportRecipe();
        foreach (var note in initNotes)
            Terminal.WriteErrorLine(note);
        string? newFolder;
        using (var folder = group.RunOnAll(() => group.Rank > 0 ? null : Open(request)))
        {
            if (RunWithProgress(trainer, cancellation) is { } test)
            {
                if (folder is not null)
                    Write(parseResult, test, request.Settings.Architecture.Title, folder.Folder);
                return test.Suggestion is not null ? 0 : throw new UserException(
                    "No learning rate can be suggested: the smoothed loss never fell by more than batches differ. "
                    + "Try a larger --batch-size.");
            }

            newFolder = request.Folder is null ? folder?.Folder : null;
        }

        if (newFolder is not null)
            FileErrors.Try(() => Directory.Delete(newFolder));
        Terminal.WriteErrorLine("Stopped before the end of the test: there is no suggestion.");
        return ExitCode.Interrupted;
    }

    private static FolderLock Open(TrainingRequest request) => request.Folder is { } path
        ? FolderLock.Acquire(path)
        : FolderLock.AcquireNew($"{Name}-{request.Settings.Architecture.Name}", DateTimeOffset.Now);

    // Returns null if the test was cancelled.
    private static LearningRateTest? RunWithProgress(Trainer trainer, CancellationToken cancellation)
    {
        LearningRateTest? test = null;
        if (Console.IsErrorRedirected)
            Run(_ => { });
        else
            ProgressBar.Show(
                Terminal.CreateConsole(Console.Error), bar => Run(fraction => bar.Report("Learning rates", fraction, fraction)));
        return test;

        void Run(Action<double> report)
        {
            try
            {
                test = LearningRateTest.Run(trainer, report, cancellation);
            }
            catch (OperationCanceledException)
            {
            }
        }
    }

    private static void Write(ParseResult parseResult, LearningRateTest test, string network, string folder)
    {
        var csvPath = Path.Combine(folder, $"{Name}.csv");
        CsvFile.Write(csvPath, test.Steps);
        var plotPath = parseResult.GetValue(TrainCommand.Plot) is { } path ? Path.GetFullPath(path) : Path.Combine(folder, $"{Name}.png");
        Output.Write(
            parseResult.GetValue(SharedOptions.Json),
            files => new { test.Suggestion, test.Lowest, test.Steps, Files = files },
            _ =>
            {
                if (test.Suggestion is { } rate)
                    Terminal.WriteLine($"Suggestion: --lr {rate}, a quarter of the rate with the lowest smoothed loss.");
            },
            () => [csvPath, .. PlotFile.DrawAll(TrainCommand.Plot.Name, (plotPath, path => LearningRatePlot.Draw(path, network, test)))]);
    }
}
