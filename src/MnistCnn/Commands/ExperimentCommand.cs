using System.CommandLine;
using System.CommandLine.Parsing;
using MnistCnn.Experiments;
using MnistCnn.Jobs;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Pages;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Commands;

internal static class ExperimentCommand
{
    private static readonly Choice[] Choices =
    [
        .. Experiment.All.Select(experiment => new Choice(experiment.Name, [experiment])),
        new Choice(ExperimentSuite.Name, Experiment.All),
    ];

    private static readonly Argument<Choice> Name = new("NAME")
    {
        Description = $"Name of the experiment: {OptionParsers.Names(Choices, choice => choice.Name)}.",
        HelpName = "NAME",
        CustomParser = result => OptionParsers.Choose(result, "experiment", Choices, choice => choice.Name)!,
        CompletionSources = { Choices.Select(choice => choice.Name).ToArray() },
    };

    private static readonly Option<int?> Seeds = OptionParsers.OptionalCount(
        "--seeds", "Measure everything N times, with the seeds 1 to N.");

    private static readonly Option<int?> Epochs = OptionParsers.OptionalCount("--epochs", "Number of epochs.");
    private static readonly Option<int?> TrainLimit = OptionParsers.OptionalCount("--train-limit", "Only the first N training images.");

    private static readonly Option<Recipe?> RecipeName = SharedOptions.CreateRecipe(
        $"Recipe of the trainings: {SharedOptions.RecipeNames}. [default: the experiment's own]");

    private static readonly Option<bool> Quick = OptionParsers.Switch(
        "--quick", "Measure less: each in about two minutes, all in under 15.");
    private static readonly Option<bool> Deep = OptionParsers.Switch(
        "--deep", "Train deeper networks too: for convergence of 34 layers, for degradation of 110.");
    private static readonly Option<string?> Out = OptionParsers.FilePath(
        "--out", "DIR", "The folder of the results. [default: runs/NAME-TIME]");

    private static readonly Option[] SettingsOptions = [Seeds, Epochs, TrainLimit, SharedOptions.TestLimit, RecipeName, Quick, Deep];

    public static Command Create() => OptionParsers.CreateCommand(
        "experiment",
        "Measure a claim of the article or of this project; leave a table, a CSV file and a plot.",
        Run,
        [
            Name, .. SettingsOptions, WorkerOptions.Jobs, SharedOptions.Threads, Out, SharedOptions.Json, WorkerOptions.Worker,
            .. DataOptions.All,
        ],
        Check);

    private static void Check(CommandResult result)
    {
        if (result.GetResult(SharedOptions.Arch) is not null)
            result.AddError("experiment takes no --arch: each has networks of its own.");
        var name = result.GetResult(Name)?.Text();
        if (Choices.FirstOrDefault(choice => choice.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is not var (_, experiments))
            return;
        var deeper = Experiment.All.Where(experiment => experiment.HasDeeperNetworks).ToArray();
        if (result.GetResult(Deep) is not null && !experiments.Intersect(deeper).Any())
            result.AddError($"--deep is only for {OptionParsers.Names(deeper, experiment => experiment.Name)}.");
        Option[] trainingOptions = [Seeds, Epochs, TrainLimit, RecipeName];
        if (experiments is [{ Trains: false } untrained]
            && trainingOptions.FirstOrDefault(option => result.GetResult(option) is not null) is { } typed)
            result.AddError($"{untrained.Name} takes no {typed.Name}: it trains no network.");
        if (experiments is [{ MeasuresTime: true } timed] && result.GetValue(WorkerOptions.Jobs) > 1)
            result.AddError($"{timed.Name} takes no --jobs: it measures time, so it trains one network at a time.");
    }

    private static int Run(ParseResult parseResult)
    {
        var jobs = parseResult.GetValue(WorkerOptions.Jobs) ?? 1;
        var device = TorchEnvironment.Start(
            parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads), processes: jobs);
        var (name, experiments) = parseResult.GetRequiredValue(Name);
        var report = new ExperimentReport(parseResult.GetValue(SharedOptions.Json));
        var options = new Options(parseResult, device, report, ReportsDataOf: experiments[0]);
        using var signals = new ShutdownSignals();
        return name == ExperimentSuite.Name
            ? RunAll(options, parseResult.GetValue(Out), signals.Token)
            : RunOne(options, parseResult.GetValue(Out), experiments[0], signals.Token);
    }

    private static int RunOne(Options options, string? folder, Experiment experiment, CancellationToken cancellation)
    {
        var request = options.CreateRequest(experiment, folder);
        using var data = request.Data;
        using var run = experiment.Open(request);
        if (request.IsWorker)
        {
            run.ServeWorker(cancellation);
            return 0;
        }

        var isFinished = run.Measure(options.CreateWorkers(experiment, run.Folder), cancellation);
        options.Report.Write(run.Status);
        return isFinished ? 0 : WorkerOptions.ReportStop(run.Folder);
    }

    private static int RunAll(Options options, string? folder, CancellationToken cancellation)
    {
        using var suite = ExperimentSuite.Open(Experiment.All, folder, SuiteReport.Files);
        suite.Measure(options, options.Report, cancellation);
        options.Report.Write(suite);
        return cancellation.IsCancellationRequested ? WorkerOptions.ReportStop(suite.Folder)
            : suite.Statuses.Any(status => status.Problem is not null) ? ExitCode.Failed
            : 0;
    }

    private sealed record Choice(string Name, IReadOnlyList<Experiment> Experiments);

    private sealed record Options(ParseResult ParseResult, Device Device, ExperimentReport Report, Experiment ReportsDataOf)
        : IExperimentOptions
    {
        public ExperimentRequest CreateRequest(Experiment experiment, string? folder)
        {
            var settings = CreateSettings(experiment);
            var isWorker = ParseResult.GetValue(WorkerOptions.Worker);
            var data = DataOptions.Load(ParseResult, settings.TrainLimit, settings.TestLimit);
            if (experiment == ReportsDataOf && !isWorker)
                DataOptions.Report(ParseResult, data);
            return new ExperimentRequest(settings, data, Device, Report, folder, IsWorker: isWorker);
        }

        public Workers? CreateWorkers(Experiment experiment, string folder)
        {
            var settings = SettingsOptions.Where(option => option != Deep || experiment.HasDeeperNetworks);
            var typed = WorkerOptions.AsTyped(ParseResult.CommandResult, [.. settings, .. DataOptions.All, SharedOptions.Device]);
            var workers = WorkerOptions.CreateWorkers(ParseResult, ["experiment", experiment.Name, .. typed], Out, folder);
            if (workers is null || !experiment.MeasuresTime)
                return workers;
            Terminal.WriteErrorLine($"{experiment.Name} measures time, so it trains one network at a time.");
            return null;
        }

        private ExperimentSettings CreateSettings(Experiment experiment)
        {
            var defaults = ParseResult.GetValue(Quick) ? experiment.Quick : experiment.Full;
            if (!experiment.Trains)
                return defaults with { TestLimit = ParseResult.GetValue(SharedOptions.TestLimit) ?? defaults.TestLimit };
            var recipe = ParseResult.GetValue(RecipeName)?.Name;
            return defaults with
            {
                Seeds = ParseResult.GetValue(Seeds) ?? defaults.Seeds,
                Epochs = ParseResult.GetValue(Epochs) ?? defaults.Epochs,
                TrainLimit = ParseResult.GetValue(TrainLimit) ?? defaults.TrainLimit,
                TestLimit = ParseResult.GetValue(SharedOptions.TestLimit) ?? defaults.TestLimit,
                Recipe = recipe ?? defaults.Recipe,
                LearningRate = recipe is null ? defaults.LearningRate : null,
                BatchSize = recipe is null ? defaults.BatchSize : null,
                Shortened = recipe is null && defaults.Shortened,
                Deep = ParseResult.GetValue(Deep) && experiment.HasDeeperNetworks,
            };
        }
    }
}
