using System.CommandLine;
using System.CommandLine.Parsing;
using MnistCnn.Commands;
using MnistCnn.Data;
using MnistCnn.Jobs;
using MnistCnn.Networks;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Sweeps;
using MnistCnn.Tests;
using MnistCnn.Training;

namespace MnistCnn.Benchmarks.Recipes;

/// <summary><c>recipes</c>: compares the recipes on several data sets.</summary>
internal static class RecipesCommand
{
    public const string Name = "recipes";

    /// <summary>Networks of a call that names none.</summary>
    public static readonly string[] DefaultNetworks = ["residual", "inception", "plain", "resnet20"];

    private const string LongRecipe = "resnet-paper"; // 164 epochs

    private static readonly Option<bool> Final = OptionParsers.Switch(
        "--final", "Use all training images and the test images, with seeds 3 to 7, instead of held-out images with seeds 1 and 2.");
    private static readonly Option<SuiteSet[]> Sets = Several(
        "--sets", "The data sets: NAME,NAME. [default: all]", "set", SuiteSet.All, set => set.Name);
    private static readonly Option<int?[]> Images = new("--images")
    {
        Description = "Numbers of training images, or all. [default: 500,2000,4000; at most 5,000 without --final]",
        HelpName = "N,N",
        CustomParser = result => [.. result.Text().Split(',').Select(text => ParseImages(text, result))],
    };
    private static readonly Option<Architecture[]> Networks = Several(
        "--networks", $"The networks. [default: {string.Join(',', DefaultNetworks)}]", "architecture", Architecture.All, one => one.Name);
    private static readonly Option<Recipe[]> Recipes = Several(
        "--recipes", $"The recipes. [default: all but {LongRecipe}]", "recipe", Recipe.All, recipe => recipe.Name);
    private static readonly Option<long[]> Seeds = new("--seeds")
    {
        Description = "The seeds, as in 1,2 or 3..7.",
        HelpName = "N,N",
        CustomParser = ParseSeeds,
    };
    private static readonly Option<string[]> Changes = new("--set")
    {
        Description = "Change a setting of the recipes, as in lr=0.05,0.1; several values and options are combined as in sweep.",
        HelpName = "NAME=VALUES",
    };
    private static readonly Option<string?> Label = new("--label")
    {
        Description = "Name of the options after -- in the results. [default: these options]",
    };
    private static readonly Option<int> Jobs = OptionParsers.Count("--jobs", "Train N networks at once, each with one thread.", 1);
    private static readonly Option<string> Out = new("--out")
    {
        Description = "Folder of data sets and results. [default: runs/suite]",
        DefaultValueFactory = _ => Path.Combine(RepositoryRoot.FullPath, "runs", "suite"),
    };
    private static readonly Option<bool> Prepare = OptionParsers.Switch("--prepare", "Only download and prepare the data sets.");
    private static readonly Option<bool> Again = OptionParsers.Switch("--again", "Repeat trainings that have a result.");
    private static readonly Option<bool> Report = OptionParsers.Switch("--report", "Train nothing; show the results so far.");
    private static readonly Option<bool> WriteDocs = OptionParsers.Switch(
        "--write-docs", "With --final: save all results of unchanged recipes in docs/measurements, and write the tables of recipes.md.");
    private static readonly Argument<string[]> TrainOptions = new("OPTIONS")
    {
        Description = "Options of train for all trainings, after --.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    /// <param name="arguments">Arguments after the name of the command.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        var command = new RootCommand("Trains networks with the recipes on several data sets, and compares the accuracies.");
        Option[] options =
        [
            Sets, Images, Networks, Recipes, Seeds, Changes, Label, Jobs, Final, Prepare, Report, Again, WriteDocs, Out,
            WorkerOptions.Worker,
        ];
        foreach (var option in options)
            command.Add(option);
        command.Add(TrainOptions);
        command.Validators.Add(result =>
        {
            if (result.GetValue(WriteDocs) && !result.GetValue(Final))
                result.AddError("--write-docs needs --final: the documentation shows no results of tuning.");
        });
        command.SetAction(parsed => Run(parsed, arguments));
        return command.Parse(arguments).Invoke();
    }

    private static int Run(ParseResult parsed, string[] arguments)
    {
        try
        {
            var isFinal = parsed.GetValue(Final);
            var root = Path.GetFullPath(parsed.GetValue(Out)!);
            var plan = new RecipePlan(
                isFinal,
                parsed.GetValueOr(Sets, [.. SuiteSet.All])!,
                parsed.GetValueOr(Images, [500, 2000, 4000])!,
                parsed.GetValueOr(Networks, [.. DefaultNetworks.Select(name => Architecture.Find(name)!)])!,
                parsed.GetValueOr(Recipes, [.. Recipe.All.Where(recipe => recipe.Name != LongRecipe)])!,
                parsed.GetValueOr(Seeds, isFinal ? [3, 4, 5, 6, 7] : [1, 2])!,
                RecipeChange.CreateAll(ReadGrid(parsed), parsed.GetValue(TrainOptions)!, parsed.GetValue(Label)));
            var folder = Path.Combine(root, isFinal ? "final" : "tune");
            if (parsed.GetValue(Prepare))
                return PrepareSets(plan, root);

            using var inputs = new RecipeInputs(set => PrepareSet(set, root));
            var suite = Open(plan, folder, inputs);
            using var signals = new ShutdownSignals();
            if (parsed.GetValue(WorkerOptions.Worker))
            {
                TorchEnvironment.Start("cpu", threads: 1);
                suite.ServeWorker(signals.Token);
                return 0;
            }

            if (!parsed.GetValue(Report))
                suite = Train(parsed, plan, suite, folder, inputs, arguments, signals.Token);
            Terminal.CreateConsole(Console.Out).Write(ExperimentReport.CreateTable(RecipeTables.CreateTable(suite.ReadResults())));
            if (parsed.GetValue(WriteDocs))
                RecipeTables.Save([.. RecipeSuite.ReadAll(folder).Where(plan.IsCurrent)]);
            return 0;
        }
        catch (OperationCanceledException)
        {
            Terminal.WriteErrorLine("Stopped. The same command continues.");
            return ExitCode.Interrupted;
        }
        catch (Exception error) when (error is UserException or IOException or InvalidDataException)
        {
            Terminal.WriteErrorLine($"error: {error.Message}");
            return ExitCode.Failed;
        }
    }

    private static RecipeSuite Train(
        ParseResult parsed, RecipePlan plan, RecipeSuite suite, string folder, RecipeInputs inputs, string[] arguments,
        CancellationToken cancellation)
    {
        foreach (var set in plan.Sets)
            PrepareSet(set, Path.GetFullPath(parsed.GetValue(Out)!));
        TorchEnvironment.Start("cpu", threads: 1);
        if (parsed.GetValue(Again))
            suite.Reset();
        Directory.CreateDirectory(folder);

        // The first pass measures the time that the second gives to the reference recipe.
        var workers = parsed.GetValue(Jobs) is > 1 and var jobs
            ? new Workers(jobs, [Name, WorkerOptions.Worker.Name, .. arguments])
            : null;
        JobProgressReport.Show(report => suite.Train(workers, report, cancellation));
        var complete = Open(plan, folder, inputs);
        if (complete.Jobs.Count > suite.Jobs.Count)
            JobProgressReport.Show(report => complete.Train(workers, report, cancellation));
        return complete;
    }

    // The trainings of a plan, with those at equal time for which there are results.
    private static RecipeSuite Open(RecipePlan plan, string folder, RecipeInputs inputs)
    {
        var trials = plan.CreateTrials();
        var more = plan.CreateEqualTimeTrials(new RecipeSuite(folder, trials, inputs).ReadResults());
        return new RecipeSuite(folder, [.. trials, .. more], inputs);
    }

    private static int PrepareSets(RecipePlan plan, string root)
    {
        foreach (var set in plan.Sets)
        {
            using var data = DataReader.Load(PrepareSet(set, root), set.ImageSettings);
            Terminal.WriteLine($"{set.Name}: {data.Description}");
        }

        return 0;
    }

    private static string PrepareSet(SuiteSet set, string root) => set.Prepare(Path.Combine(root, "sets"));

    private static Grid ReadGrid(ParseResult parsed)
    {
        List<GridParameter> parameters = [];
        foreach (var text in parsed.GetValue(Changes) ?? [])
        {
            parameters.Add(GridParameter.Parse(text, out var problem));
            if (problem is not null)
                throw new UserException(problem);
        }

        return new Grid(parameters);
    }

    private static int? ParseImages(string text, ArgumentResult result)
    {
        if (text == "all")
            return null;
        if (!int.TryParse(text, out var count) || count < 1)
            result.AddError($"--images takes numbers from 1, or all, not '{text}'.");
        return count;
    }

    private static long[] ParseSeeds(ArgumentResult result)
    {
        var parameter = GridParameter.Parse($"seed={result.Text()}", out var problem);
        if (problem is null && parameter.Values.All(value => long.TryParse(value, out _)))
            return [.. parameter.Values.Select(long.Parse)];
        result.AddError(problem ?? $"--seeds takes whole numbers, not '{result.Text()}'.");
        return [];
    }

    private static Option<T[]> Several<T>(string name, string description, string kind, IReadOnlyList<T> items, Func<T, string> nameOf)
        where T : class
    {
        return new Option<T[]>(name)
        {
            Description = description,
            HelpName = "NAME,NAME",
            CustomParser = result => [.. result.Text().Split(',').Select(text => Find(text, result)).OfType<T>()],
        };

        T? Find(string text, ArgumentResult result)
        {
            var found = items.FirstOrDefault(item => nameOf(item) == text);
            if (found is null)
                result.AddError(OptionParsers.Unknown(kind, text, OptionParsers.Names(items, nameOf)));
            return found;
        }
    }
}
