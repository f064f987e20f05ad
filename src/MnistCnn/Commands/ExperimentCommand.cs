using System.CommandLine;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static MnistCnn.Commands.CommonOptions;

namespace MnistCnn.Commands;

/// <summary><c>experiment</c>: one of the article's claims, measured and plotted.</summary>
internal static class ExperimentCommand
{
    private static readonly Argument<Experiment> Name = new("NAME")
    {
        Description = $"What to measure: {Names(Claims.All, experiment => experiment.Name)}.",
        CustomParser = result => Choose(result, "experiment", Claims.All, experiment => experiment.Name)!,
    };
    private static readonly Option<int?> Seeds = OptionalCount("--seeds", "Measure everything N times, with the seeds 1 to N.");
    private static readonly Option<int?> Epochs = OptionalCount("--epochs", "How often a network sees each of its training images.");
    private static readonly Option<int?> TrainLimit = OptionalCount("--train-limit", "Only the first N training images.");
    private static readonly Option<Recipe?> RecipeName = CommonOptions.RecipeName(
        $"How networks are trained: {RecipeNames}. [default: the experiment's own]");
    private static readonly Option<bool> Quick = new("--quick") { Description = "Measure less, in under two minutes." };
    private static readonly Option<bool> Deep = new("--deep") { Description = "Train deeper networks too: for convergence of 34 layers, for degradation of 110." };
    private static readonly Option<string?> Out = new("--out") { Description = "The folder of the results. [default: runs/NAME-TIME]", HelpName = "DIR" };
    public static Command Create()
    {
        var command = new Command("experiment", "Measure one of the article's claims; leave a table, a CSV file and a plot.")
        {
            Name, Seeds, Epochs, TrainLimit, TestLimit, RecipeName, Quick, Deep, Threads, Out, Json,
        };
        foreach (var option in DataOptions.All)
            command.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(Arch) is not null)
                result.AddError("experiment takes no --arch: each has networks of its own.");
            if (result.GetResult(Deep) is not null && result.GetValue(Name) is { } experiment && experiment != Convergence.Experiment && experiment != Degradation.Experiment)
                result.AddError("--deep is for convergence and degradation alone: the other experiments have no deeper networks.");
        });
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        var device = StartTorch(line);
        var experiment = line.GetRequiredValue(Name);
        var settings = Settings(line, line.GetValue(Quick) ? experiment.Quick : experiment.Full);
        using var data = DataOptions.Load(line, settings.TrainLimit, settings.TestLimit);
        using var interruption = new Interruption();
        using var run = ExperimentRun.Open(experiment, settings, data, device, line.GetValue(Out));
        DataOptions.Report(line, data);
        var isFinished = false;
        ExperimentReport.Run(progress => isFinished = run.Measure(progress, Keep, interruption.Token));

        string[] files = [.. Directory.GetFiles(run.Folder).Where(file => !FolderLock.IsLock(file)).Order(StringComparer.Ordinal)];
        ExperimentReport.Result(run.Info, run.Findings, files, line.GetValue(Json));
        if (isFinished)
            return 0;
        Console.Error.WriteLine($"Stopped. What was measured before that is above and in the files. To go on, start it again with --out {run.Folder}");
        return ExitCode.Interrupted;

        // After each trial, so that whatever ends the experiment, its results are there.
        void Keep(IReadOnlyList<ImageGrid> pictures)
        {
            CsvFile.Write(Path.Combine(run.Folder, ExperimentRun.MeasurementsFile), run.Rows);
            ExperimentReport.Draw(Path.Combine(run.Folder, ExperimentRun.PlotFile), run.Info, run.Findings);
            foreach (var picture in pictures)
                ImageGridPlot.Draw(Path.Combine(run.Folder, $"{picture.Name}.png"), picture);
        }
    }

    private static ExperimentSettings Settings(ParseResult line, ExperimentSettings standard)
    {
        var recipe = line.GetValue(RecipeName)?.Name;
        return standard with
        {
            Seeds = line.GetValue(Seeds) ?? standard.Seeds,
            Epochs = line.GetValue(Epochs) ?? standard.Epochs,
            TrainLimit = line.GetValue(TrainLimit) ?? standard.TrainLimit,
            TestLimit = line.GetValue(TestLimit) ?? standard.TestLimit,
            Recipe = recipe ?? standard.Recipe,
            LearningRate = recipe is null ? standard.LearningRate : null,
            BatchSize = recipe is null ? standard.BatchSize : null,
            Shortened = recipe is null && standard.Shortened,
            Deep = line.GetValue(Deep),
        };
    }
}
