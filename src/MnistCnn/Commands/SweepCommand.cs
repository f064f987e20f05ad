using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Sweeps;
using TorchSharp;
using static MnistCnn.Commands.OptionParsers;
using static MnistCnn.Commands.SharedOptions;

namespace MnistCnn.Commands;

/// <summary><c>sweep</c>: trains every combination of some settings, each as a run, and says what came out in one table.</summary>
internal static class SweepCommand
{
    // What one trial is trained with: its command line is read as train reads its own.
    private static readonly Command Trial = TrialCommand();
    private static readonly Option[] Shared = [.. SettingsOptions.All, SettingsOptions.Init];
    private static readonly string ParameterNames = Names(SettingsOptions.All, option => option.Name.TrimStart('-'));

    private static readonly Argument<string[]> Parameters = new("NAME=VALUES")
    {
        Description = $"What varies, as in lr=0.01,0.1 or seed=1..30: {ParameterNames}.",
        Arity = ArgumentArity.ZeroOrMore,
    };
    private static readonly Option<int?> Jobs = OptionalCount(
        "--jobs", "Train N networks at once, in processes of their own with their share of the cores. [default: 1]", 1024);
    private static readonly Option<Shard?> Part = new("--shard")
    {
        Description = "Train one of several parts, as in 1/8, for instance one on each machine; --merge gathers what came out.",
        HelpName = "PART",
        CustomParser = result =>
        {
            var shard = Shard.Parse(result.Text());
            if (shard is null)
                result.AddError($"--shard takes a part and how many there are, as in 1/8, not '{result.Text()}'.");
            return shard;
        },
    };
    private static readonly Option<string?> Merge = new("--merge") { Description = "Train nothing; gather what the runs in a sweep's folder say.", HelpName = "DIR" };
    private static readonly Option<string?> Out = new("--out") { Description = "The folder of the sweep. [default: runs/sweep-TIME]", HelpName = "DIR" };
    private static readonly Option<bool> Worker = new("--worker") { Description = "Train what standard input names.", Hidden = true };

    public static Command Create()
    {
        var command = new Command("sweep", "Train every combination of some settings; leave a run of each, a table, a CSV file and a plot.")
        {
            Parameters, Jobs, Part, Merge, Out, Threads, Json, Worker,
        };
        foreach (var option in Shared.Where(option => option != Arch).Concat(DataOptions.All))
            command.Add(option);
        command.Validators.Add(Check);
        command.SetAction(Run);
        return command;
    }

    private static Command TrialCommand()
    {
        var command = new Command("train") { SettingsOptions.Init };
        foreach (var option in SettingsOptions.All)
            command.Add(option);
        command.Validators.Add(SettingsOptions.Check);
        return command;
    }

    private static void Check(CommandResult result)
    {
        var texts = result.GetValue(Parameters) ?? [];
        var shared = ArgumentsOf(result, Shared);
        if (result.GetResult(Merge) is not null)
        {
            if (texts.Length > 0 || ArgumentsOf(result, [.. Shared, .. DataOptions.All, Jobs, Part, Out]).Length > 0)
                result.AddError("--merge gathers what is there: it takes no settings, no --data, --jobs, --shard and --out.");
            return;
        }

        if (texts.Length == 0)
            result.AddError("sweep needs something that varies, as in lr=0.01,0.1 or seed=1..30.");
        else if (result.GetResult(Part) is not null && result.GetResult(Out) is null)
            result.AddError("--shard needs --out: all parts are of one sweep, in one folder.");
        else if (ReadGrid(texts, result, out var grid) is { } problem)
            result.AddError(problem);
        else if (grid.Points.Select(point => TrialLine(grid, point, shared)).FirstOrDefault(line => line.Errors.Count > 0) is { } wrong)
            result.AddError(wrong.Errors[0].Message);
        else if (Alike(grid, shared) is { } alike)
            result.AddError(alike);
    }

    // Two texts for one value, such as seed=1,01, would train the same network twice and narrow the interval over the seeds. So would
    // two seeds with the same lowest 32 bits: torch's generator on the CPU ignores the higher ones.
    private static string? Alike(Grid grid, IReadOnlyList<string> shared)
    {
        var first = grid.Points.First();
        return (
            from parameter in grid.Parameters.Index()
            from same in parameter.Item.Values.GroupBy(value => SettingsWith(parameter.Index, value))
            where same.Count() > 1
            select $"{parameter.Item.Name}={string.Join(',', same)} names one value {same.Count()} times.").FirstOrDefault();

        string SettingsWith(int index, string value)
        {
            var line = TrialLine(grid, [.. first.Select((other, place) => place == index ? value : other)], shared);
            var settings = SettingsOptions.Read(line);
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
                return Unknown("setting", parameter.Name, ParameterNames);
            if (parameters.Any(other => other.Name == parameter.Name) || result.GetResult(option) is { Implicit: false })
                return $"{parameter.Name} is given twice.";
            parameters.Add(parameter);
        }

        return grid.Count > Grid.MostTrials ? $"A sweep has {Grid.MostTrials} trials at most, and this one has {grid.Count:N0}." : null;
    }

    private static ParseResult TrialLine(Grid grid, IReadOnlyList<string> point, IEnumerable<string> shared) =>
        Trial.Parse([.. shared, .. grid.Parameters.Zip(point).SelectMany(setting => Arguments(setting.First.Name, setting.Second))]);

    // Commas are between the values of the grid. Between the parts of one value, for options that take several, there is a plus sign.
    private static IEnumerable<string> Arguments(string name, string value) => $"--{name}" switch
    {
        var option when option == SettingsOptions.Milestones.Name => [option, .. value.Split('+')],
        var option when option == SettingsOptions.Augment.Name => [option, value.Replace('+', ',')],
        var option => [option, value],
    };

    private static SweepTrial[] Trials(Grid grid, IReadOnlyList<string> shared) =>
        [.. grid.Points.Select(point => new SweepTrial(grid.NameOf(point), point, SettingsOptions.Read(TrialLine(grid, point, shared))))];

    // What stands on the command line of some options.
    private static string[] ArgumentsOf(CommandResult result, IEnumerable<Option> options) =>
    [
        .. options.Select(option => result.GetResult(option))
            .Where(option => option is { Implicit: false })
            .SelectMany(option => new[] { option!.Option.Name }.Concat(option.Tokens.Select(token => token.Value))),
    ];

    private static int Run(ParseResult line)
    {
        if (line.GetValue(Merge) is { } folder)
            return Gather(line, folder);
        var shard = line.GetValue(Part) ?? new Shard(1, 1);
        if (shard.Index < 1 || shard.Index > shard.Count)
            throw new UserException($"There is no part {shard}: the first of {shard.Count} is 1/{shard.Count}, the last {shard.Count}/{shard.Count}.");

        var device = TorchEnvironment.Start(line.GetValue(Device), line.GetValue(Threads));
        ReadGrid(line.GetValue(Parameters)!, line.CommandResult, out var grid);
        var shared = ArgumentsOf(line.CommandResult, Shared);
        var path = line.GetValue(Out) ?? Path.Combine("runs", $"sweep-{DateTimeOffset.Now:yyyyMMdd-HHmmss}");
        var sweep = new Sweep(path, grid, Trials(grid, shared), line.GetValue(SettingsOptions.Init));
        using var data = new SweepData(line);
        using var interruption = new ShutdownSignals();
        try
        {
            if (line.GetValue(Worker))
                WorkerProcess.Serve((name, end) => Train(sweep, name, data, device, end), interruption.Token);
            else
                Train(line, sweep, shard, shared, data, device, interruption.Token);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine($"Stopped. To go on, start it again with --out {sweep.Folder}");
            return ExitCode.Interrupted;
        }

        if (line.GetValue(Worker))
            return 0;
        if (line.GetValue(Part) is null)
            return Report(line, sweep);
        Console.Error.WriteLine($"Part {shard} is done. Once all are: sweep --merge {sweep.Folder}");
        return 0;
    }

    private static void Train(
        ParseResult line, Sweep sweep, Shard shard, IReadOnlyList<string> shared, SweepData data, torch.Device device, CancellationToken cancellation)
    {
        SweepTrial[] trials = [.. sweep.Trials.Where((_, place) => shard.Has(place))];
        sweep.EnsureTrainable(trials, data.Of);
        sweep.Begin(SweepInfo.Of(sweep.Grid, shared, Origin.Of(device), data.Of(sweep.Trials[0]), line.GetValue(SettingsOptions.Init)));
        DataOptions.Report(line, data.Of(sweep.Trials[0]));
        var (isPart, jobs) = (line.GetValue(Part) is not null, line.GetValue(Jobs) ?? 1);
        ExperimentReport.Run(progress =>
        {
            var work = new SweepWork(sweep, trials, progress, () =>
            {
                if (!isPart)
                    SweepReport.WriteFiles(sweep, sweep.Gather());
            });
            if (jobs == 1)
                work.Here(data.Of, device, cancellation);
            else
                work.InWorkers(jobs, WorkerArguments(line, sweep.Folder, jobs), cancellation).GetAwaiter().GetResult();
        });
    }

    private static string Train(Sweep sweep, string name, SweepData data, torch.Device device, CancellationToken cancellation)
    {
        var trial = sweep.Trials.First(trial => trial.Name == name);
        sweep.Train(trial, data.Of(trial), device, _ => { }, cancellation);
        return name;
    }

    // Each has its share of the cores where nothing else is asked for.
    internal static string[] WorkerArguments(ParseResult line, string folder, int jobs) =>
    [
        "sweep", .. line.GetValue(Parameters)!, .. ArgumentsOf(line.CommandResult, [.. Shared, .. DataOptions.All, Device, Verbose]),
        Out.Name, folder, Worker.Name,
        Threads.Name, $"{line.GetValue(Threads) ?? Math.Max(1, Environment.ProcessorCount / jobs)}",
    ];

    private static int Gather(ParseResult line, string folder)
    {
        var info = Sweep.Read(folder);
        var grid = new Grid(info.Grid);
        if (grid.Count is 0 or > Grid.MostTrials || grid.Points.Any(point => TrialLine(grid, point, info.Arguments).Errors.Count > 0))
            throw new InvalidDataException($"{Path.Combine(Path.GetFullPath(folder), Sweep.InfoFile)} is damaged: its settings are none that a network can be trained with.");
        return Report(line, new Sweep(folder, grid, Trials(grid, info.Arguments)));
    }

    // What there is, is written; what is missing makes it a failure.
    private static int Report(ParseResult line, Sweep sweep)
    {
        var results = sweep.Gather();
        var files = SweepReport.WriteFiles(sweep, results);
        SweepReport.Result(sweep, results, files, line.GetValue(Json));
        if (results.Any(result => result.Chosen is not null) && results.Count == sweep.Trials.Count)
            return 0;
        throw new UserException(results.Count < sweep.Trials.Count
            ? $"{sweep.Trials.Count - results.Count} of {sweep.Trials.Count} trainings are not done, the first of them {sweep.Trials.Except(results.Select(result => result.Trial)).First().Name}: start the sweep again, or its part, with --out {sweep.Folder}"
            : $"No training came to its end. The first diverged: {results[0].Error}");
    }

    // One trial after the other may be trained on fewer images.
    private sealed class SweepData(ParseResult line) : IDisposable
    {
        private (int? Train, int? Test) limits;
        private DataSet? loaded;

        public DataSet Of(SweepTrial trial)
        {
            var asked = (trial.Settings.TrainLimit, trial.Settings.TestLimit);
            if (loaded is not null && limits == asked)
                return loaded;
            Dispose();
            (limits, loaded) = (asked, null);
            return loaded = DataOptions.Load(line, asked.TrainLimit, asked.TestLimit);
        }

        public void Dispose() => loaded?.Dispose();
    }
}
