using System.CommandLine;
using System.CommandLine.Parsing;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Sweeps;
using MnistCnn.Training;

namespace MnistCnn.Commands;

internal static class SweepCommand
{
    private static readonly Option[] TrialOptions = [.. SettingsOptions.All, SettingsOptions.Init];

    // Parses the settings of one trial in the same way as train.
    private static readonly Command TrialCommand = OptionParsers.CreateCommand("train", "", _ => 0, TrialOptions, SettingsOptions.Check);
    private static readonly string SettingNames = OptionParsers.Names(SettingsOptions.All, option => option.Name.TrimStart('-'));

    private static readonly Argument<string[]> Parameters = new("NAME=VALUES")
    {
        Description = $"Settings to vary, as in lr=0.01,0.1 or seed=1..30: {SettingNames}.",
        HelpName = "NAME=VALUES",
        Arity = ArgumentArity.ZeroOrMore,
        CompletionSources = { SettingNames.Split(", ").Select(name => $"{name}=").ToArray() },
    };

    private static readonly Option<Shard?> Part = OptionParsers.Parsed(
        "--shard",
        "PART",
        "Train one of several parts, as in 1/8, for instance one on each machine; --merge gathers the results.",
        Shard.Parse,
        "a part and the number of parts, as in 1/8");

    private static readonly Option<string?> Merge = OptionParsers.FilePath(
        "--merge", "DIR", "Train nothing; gather the results in a sweep's folder.");
    private static readonly Option<string?> Out = OptionParsers.FilePath(
        "--out", "DIR", "The folder of the sweep. [default: runs/sweep-TIME]");

    public static Command Create() => OptionParsers.CreateCommand(
        "sweep",
        "Train every combination of some settings; leave a run of each, a table, a CSV file and a plot.",
        Run,
        [
            Parameters, WorkerOptions.Jobs, Part, Merge, Out, SharedOptions.Threads, SharedOptions.Json, WorkerOptions.Worker,
            .. TrialOptions.Where(option => option != SharedOptions.Arch), .. DataOptions.All,
        ],
        Check);

    private static void Check(CommandResult result)
    {
        var texts = result.GetValue(Parameters) ?? [];
        var shared = WorkerOptions.AsTyped(result, TrialOptions);
        if (result.GetResult(Merge) is not null)
        {
            Option[] others = [.. TrialOptions, .. DataOptions.All, WorkerOptions.Jobs, Part, Out];
            if (texts.Length > 0 || WorkerOptions.AsTyped(result, others).Length > 0)
                result.AddError("--merge only gathers results: it takes no settings, no --data, --jobs, --shard and --out.");
            return;
        }

        if (texts.Length == 0)
            result.AddError("sweep needs something that varies, as in lr=0.01,0.1 or seed=1..30.");
        else if (result.GetResult(Part) is not null && result.GetResult(Out) is null)
            result.AddError("--shard needs --out: all parts are of one sweep, in one folder.");
        else if (ReadGrid(texts, result, out var grid) is { } problem)
            result.AddError(problem);
        else if (grid.Points.Select(point => ParseTrial(grid, point, shared)).FirstOrDefault(trial => trial.Errors.Count > 0) is { } wrong)
            result.AddError(wrong.Errors[0].Message);
        else if (FindDuplicate(grid, shared) is { } duplicate)
            result.AddError(duplicate);
    }

    // Two texts for one value, such as seed=1,01, would train the same network twice and narrow the interval over the seeds. So would
    // two seeds with the same lowest 32 bits: torch's generator on the CPU ignores the higher ones.
    private static string? FindDuplicate(Grid grid, IReadOnlyList<string> shared)
    {
        var first = grid.Points.First();
        return (
            from parameter in grid.Parameters.Index()
            from same in parameter.Item.Values.GroupBy(value => SettingsWith(parameter.Index, value))
            where same.Count() > 1
            select $"{parameter.Item.Name}={string.Join(',', same)} names one value {same.Count()} times.").FirstOrDefault();

        string SettingsWith(int changed, string value)
        {
            string[] point = [.. first.Select((old, index) => index == changed ? value : old)];
            var settings = SettingsOptions.Read(ParseTrial(grid, point, shared));
            return JsonSerializer.Serialize(settings with { Seed = unchecked((uint)settings.Seed) }, JsonFormat.Line);
        }
    }

    private static string? ReadGrid(IReadOnlyList<string> texts, CommandResult result, out Grid grid)
    {
        List<GridParameter> parameters = [];
        grid = new Grid(parameters);
        foreach (var text in texts)
        {
            var parameter = GridParameter.Parse(text, out var problem);
            if (problem is not null)
                return problem;
            if (SettingsOptions.All.FirstOrDefault(option => option.Name == $"--{parameter.Name}") is not { } option)
                return OptionParsers.Unknown("setting", parameter.Name, SettingNames);
            if (parameters.Any(other => other.Name == parameter.Name) || result.GetResult(option) is { Implicit: false })
                return $"{parameter.Name} is given twice.";
            parameters.Add(parameter);
        }

        return grid.Count > Grid.MaxTrials ? $"A sweep has at most {Grid.MaxTrials} trials, and this one has {grid.Count:N0}." : null;
    }

    private static ParseResult ParseTrial(Grid grid, IReadOnlyList<string> point, IEnumerable<string> shared) =>
        TrialCommand.Parse([.. shared, .. grid.Parameters.Zip(point).SelectMany(pair => ToArguments(pair.First.Name, pair.Second))]);

    // Commas separate the values of the grid, so a plus sign separates the parts of one value.
    internal static IEnumerable<string> ToArguments(string name, string value) => $"--{name}" switch
    {
        var option when option == SettingsOptions.Milestones.Name => [option, .. value.Split('+')],
        var option when option == SettingsOptions.Augment.Name => [option, value.Replace('+', ',')],
        var option => [option, value],
    };

    private static SweepTrial[] CreateTrials(Grid grid, IReadOnlyList<string> shared) =>
        [.. grid.Points.Select(point => new SweepTrial(grid.NameOf(point), point, SettingsOptions.Read(ParseTrial(grid, point, shared))))];

    private static int Run(ParseResult parseResult)
    {
        if (parseResult.GetValue(Merge) is { } merged)
            return Report(OpenMerged(merged), parseResult.GetValue(SharedOptions.Json));
        var shard = parseResult.GetValue(Part) ?? new Shard(1, 1);
        if (shard.Index < 1 || shard.Index > shard.Count)
            throw new UserException(
                $"There is no part {shard}: the first of {shard.Count} is 1/{shard.Count}, the last {shard.Count}/{shard.Count}.");

        var jobs = parseResult.GetValue(WorkerOptions.Jobs) ?? 1;
        var device = TorchEnvironment.Start(
            parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads), processes: jobs);
        ReadGrid(parseResult.GetValue(Parameters)!, parseResult.CommandResult, out var grid);
        var shared = WorkerOptions.AsTyped(parseResult.CommandResult, TrialOptions);
        // Looked up once, and recorded: --merge may run where the images are not.
        var isRecipeOfData = SettingsOptions.IsRecipeOfData(parseResult) && grid.Parameters.All(parameter => parameter.Name != "recipe");
        shared = isRecipeOfData ? [.. shared, "--recipe", Recipe.Images.Name] : shared;
        var folder = parseResult.GetValue(Out) ?? Path.Combine("runs", $"sweep-{DateTimeOffset.Now:yyyyMMdd-HHmmss}");
        var init = SettingsOptions.FindInitialWeights(parseResult);
        var trials = CreateTrials(grid, shared);
        IReadOnlyList<string>? classOrder;
        using (var initial = InitialWeights.Read(init, trials[0].Settings.Architecture))
            classOrder = initial?.ClassNames;
        using var inputs = new SweepInputs(
            (train, test) => DataOptions.Load(
                parseResult, train, test, classOrder: classOrder, validate: images => Sweep.EnsureTrainable(trials, images, init)),
            device,
            init);
        var isPart = parseResult.GetResult(Part) is not null;
        var sweep = new Sweep(folder, grid, trials, inputs, isPart ? null : SweepReport.WriteFiles);
        using var signals = new ShutdownSignals();
        try
        {
            if (parseResult.GetValue(WorkerOptions.Worker))
            {
                sweep.ServeWorker(signals.Token);
                return 0;
            }

            DataOptions.Report(parseResult, inputs.LoadData(sweep.Jobs[0].Settings));
            if (isRecipeOfData)
                SettingsOptions.ReportRecipe();
            var workers = WorkerOptions.CreateWorkers(parseResult, WorkerArguments(parseResult), Out, sweep.Folder);
            JobProgressReport.Show(report => sweep.Train(shared, shard, workers, report, signals.Token));
        }
        catch (OperationCanceledException)
        {
            return WorkerOptions.ReportStop(sweep.Folder);
        }

        if (!isPart)
            return Report(sweep, parseResult.GetValue(SharedOptions.Json));
        Terminal.WriteErrorLine($"Part {shard} is done. Once all are: sweep --merge {sweep.Folder}");
        return 0;
    }

    /// <summary>Returns the command line of a worker, without the folder and the number of threads.</summary>
    internal static string[] WorkerArguments(ParseResult parseResult) =>
    [
        "sweep",
        .. parseResult.GetValue(Parameters)!,
        .. WorkerOptions.AsTyped(
            parseResult.CommandResult, [.. TrialOptions, .. DataOptions.All, SharedOptions.Device, SharedOptions.Verbose]),
    ];

    private static Sweep OpenMerged(string folder)
    {
        var info = SweepInfo.Read(folder);
        var grid = new Grid(info.Grid);
        if (grid.Count is 0 or > Grid.MaxTrials || grid.Points.Any(point => ParseTrial(grid, point, info.Arguments).Errors.Count > 0))
            throw new InvalidDataException(
                $"{Path.Combine(Path.GetFullPath(folder), SweepInfo.FileName)} is damaged: no network can be trained with its settings.");
        return new Sweep(folder, grid, CreateTrials(grid, info.Arguments));
    }

    // Writes the results that exist; missing results are an error.
    private static int Report(Sweep sweep, bool json)
    {
        SweepReport.WriteFiles(sweep);
        SweepReport.Write(sweep, json);
        sweep.EnsureComplete();
        return 0;
    }
}
