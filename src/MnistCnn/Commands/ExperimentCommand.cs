using System.CommandLine;
using MnistCnn.Charts;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Pages;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static MnistCnn.Commands.OptionParsers;
using static MnistCnn.Commands.SharedOptions;
using Device = TorchSharp.torch.Device;

namespace MnistCnn.Commands;

/// <summary><c>experiment</c>: measures and plots a claim of the article or of this project, or all of them onto one page.</summary>
internal static class ExperimentCommand
{
    private static readonly Choice[] Choices =
        [.. Experiment.All.Select(experiment => new Choice(experiment.Name, [experiment])), new Choice(ExperimentSuite.Name, Experiment.All)];

    private static readonly Argument<Choice> Name = new("NAME")
    {
        Description = $"What to measure: {Names(Choices, choice => choice.Name)}.",
        CustomParser = result => Choose(result, "experiment", Choices, choice => choice.Name)!,
    };
    private static readonly Option<int?> Seeds = OptionalCount("--seeds", "Measure everything N times, with the seeds 1 to N.");
    private static readonly Option<int?> Epochs = OptionalCount("--epochs", "How often a network sees each of its training images.");
    private static readonly Option<int?> TrainLimit = OptionalCount("--train-limit", "Only the first N training images.");
    private static readonly Option<Recipe?> RecipeName = CreateRecipe(
        $"How networks are trained: {RecipeNames}. [default: the experiment's own]");
    private static readonly Option<bool> Quick = new("--quick") { Description = "Measure less: each in about two minutes, all in under ten." };
    private static readonly Option<bool> Deep = new("--deep") { Description = "Train deeper networks too: for convergence of 34 layers, for degradation of 110." };
    private static readonly Experiment[] WithDeeper = [Convergence.Experiment, Degradation.Experiment];
    private static readonly Option<string?> Out = new("--out") { Description = "The folder of the results. [default: runs/NAME-TIME]", HelpName = "DIR" };
    public static Command Create()
    {
        var command = new Command("experiment", "Measure a claim of the article or of this project; leave a table, a CSV file and a plot.")
        {
            Name, Seeds, Epochs, TrainLimit, TestLimit, RecipeName, Quick, Deep, Threads, Out, Json,
        };
        foreach (var option in DataOptions.All)
            command.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(Arch) is not null)
                result.AddError("experiment takes no --arch: each has networks of its own.");
            if (result.GetResult(Deep) is not null && result.GetValue(Name) is { } choice && !choice.Experiments.Intersect(WithDeeper).Any())
                result.AddError($"--deep is for {Names(WithDeeper, experiment => experiment.Name)} alone: the other experiments have no deeper networks.");
        });
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        var device = TorchEnvironment.Start(line.GetValue(SharedOptions.Device), line.GetValue(Threads));
        var choice = line.GetRequiredValue(Name);
        return choice.Name == ExperimentSuite.Name ? RunAll(line, device) : RunOne(line, choice.Experiments[0], device);
    }

    private static int RunOne(ParseResult line, Experiment experiment, Device device)
    {
        var settings = Settings(line, experiment);
        using var data = DataOptions.Load(line, settings.TrainLimit, settings.TestLimit);
        using var interruption = new ShutdownSignals();
        using var run = ExperimentRun.Open(experiment, settings, data, device, line.GetValue(Out));
        DataOptions.Report(line, data);
        var isFinished = Measure(run, interruption.Token);
        ExperimentReport.Result(run.Info, run.ExperimentResults, run.Files, line.GetValue(Json));
        return isFinished ? 0 : Stopped(run.Folder);
    }

    private static int RunAll(ParseResult line, Device device)
    {
        using var interruption = new ShutdownSignals();
        using var series = ExperimentSuite.Open(Experiment.All, line.GetValue(Out), SuiteReport.Files);
        foreach (var (index, experiment) in Experiment.All.Index())
        {
            if (interruption.Token.IsCancellationRequested)
                break;
            Console.Error.WriteLine($"{experiment.Name}, {index + 1} of {Experiment.All.Count}:");
            var status = ChapterOf(line, series, experiment, device, interruption.Token);
            series.Set(status);
            SuiteReport.Write(series);
            if (status.Problem is not null)
                Console.Error.WriteLine($"error: {experiment.Name}: {status.Problem}");
            else if (!line.GetValue(Json))
                ExperimentReport.Result(status.Info!, status.ExperimentResults!, [], json: false);
        }

        ExperimentReport.Result(series, [.. SuiteReport.Files.Select(name => Path.Combine(series.Folder, name))], line.GetValue(Json));
        return interruption.Token.IsCancellationRequested ? Stopped(series.Folder)
            : series.Statuses.Any(status => status.Problem is not null) ? ExitCode.Failed
            : 0;
    }

    // What cannot be measured on these images, or not with this recipe, is told and does not keep the others from being measured.
    private static ExperimentStatus ChapterOf(ParseResult line, ExperimentSuite series, Experiment experiment, Device device, CancellationToken cancellation)
    {
        var settings = Settings(line, experiment);
        using var data = DataOptions.Load(line, settings.TrainLimit, settings.TestLimit);
        if (experiment == Experiment.All[0])
            DataOptions.Report(line, data);
        ExperimentRun? run = null;
        try
        {
            run = ExperimentRun.Open(experiment, settings, data, device, series.FolderOf(experiment), mayBeFinished: true);
            if (!run.Info.IsFinished)
                Measure(run, cancellation);
            return new ExperimentStatus(experiment, run.Info, run.ExperimentResults, run.Files);
        }
        catch (UserException error)
        {
            return run is null
                ? new ExperimentStatus(experiment, Problem: error.Message)
                : new ExperimentStatus(experiment, run.Info, run.ExperimentResults, run.Files, error.Message);
        }
        finally
        {
            run?.Dispose();
        }
    }

    // Returns whether it came to its end.
    private static bool Measure(ExperimentRun run, CancellationToken cancellation)
    {
        var isFinished = false;
        ExperimentReport.Run(progress => isFinished = run.Measure(progress, Keep, cancellation));
        return isFinished;

        // After each trial, so that whatever ends the experiment, its results are there.
        void Keep(IReadOnlyList<ImageGrid> pictures)
        {
            if (run.Rows.Count > 0)
                CsvFile.Write(Path.Combine(run.Folder, ExperimentRun.MeasurementsFile), run.Rows);
            ExperimentReport.Draw(Path.Combine(run.Folder, ExperimentRun.PlotFile), run.Info, run.ExperimentResults);
            foreach (var picture in pictures)
                ImageGridPlot.Draw(Path.Combine(run.Folder, $"{picture.Name}.png"), picture);
        }
    }

    private static int Stopped(string folder)
    {
        Console.Error.WriteLine($"Stopped. What was measured before that is above and in the files. To go on, start it again with --out {folder}");
        return ExitCode.Interrupted;
    }

    private static ExperimentSettings Settings(ParseResult line, Experiment experiment)
    {
        var standard = line.GetValue(Quick) ? experiment.Quick : experiment.Full;
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
            Deep = line.GetValue(Deep) && WithDeeper.Contains(experiment),
        };
    }

    // What NAME can be.
    private sealed record Choice(string Name, IReadOnlyList<Experiment> Experiments);
}
