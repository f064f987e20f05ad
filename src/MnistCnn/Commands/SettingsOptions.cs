using System.CommandLine;
using System.CommandLine.Parsing;
using MnistCnn.Data;
using MnistCnn.Reporting;
using MnistCnn.Runs;
using MnistCnn.Training;

namespace MnistCnn.Commands;

/// <summary>Options for the settings of a training, used by <c>train</c> and <c>sweep</c>.</summary>
internal static class SettingsOptions
{
    private const string Balanced = "balanced";

    private const string NoAugmentation = "none";

    private static readonly TrainSettings Defaults = Recipe.Article.Settings;

    private const string FloatRange = "a number from 0 that float32 can hold";

    private const string Fractions = "a number from 0 to below 1";

    private static readonly Option<Recipe?> RecipeName = SharedOptions.CreateRecipe(
        $"Start from the settings of a recipe: {SharedOptions.RecipeNames}. [default: {Recipe.Images.Name} for a folder of images, "
        + $"otherwise {Recipe.Article.Name}, which has the defaults below]");

    private static readonly Option<int> Epochs = OptionParsers.Count("--epochs", "Number of epochs.", Defaults.Epochs);
    private static readonly Option<int> BatchSize = OptionParsers.Count("--batch-size", "Images per step.", Defaults.BatchSize);
    private static readonly Option<double> LearningRate = OptionParsers.Number(
        "--lr",
        "Learning rate, above 0; with a schedule, the highest one.",
        Defaults.LearningRate,
        value => value is > 0 and <= float.MaxValue,
        "a number above 0 that float32 can hold");
    private static readonly Option<double> Momentum = OptionParsers.Number(
        "--momentum", "Momentum of SGD, from 0 to below 1.", Defaults.Momentum, IsFraction, Fractions);
    private static readonly Option<double> WeightDecay = OptionParsers.Number(
        "--weight-decay",
        "L2 weight decay, 0 or more.",
        Defaults.WeightDecay,
        IsFloat,
        FloatRange);
    private static readonly Option<Schedule?> LearningRateSchedule = OptionParsers.EnumName<Schedule>(
        "--schedule",
        "Learning-rate schedule: constant; one-cycle, which rises to --lr and falls again, once per run; or steps, see --lr-milestones.",
        "schedule");
    public static readonly Option<IReadOnlyList<int>?> Milestones = new("--lr-milestones")
    {
        Description = "Schedule steps: divide the learning rate by 10 after each of these steps, counted over the whole run.",
        HelpName = "STEPS",
        AllowMultipleArgumentsPerToken = true,
        CustomParser = ParseMilestones,
    };
    private static readonly Option<double> ClipNorm = OptionParsers.Number(
        "--clip-norm",
        "Scale the gradients down to this L2 norm if theirs is greater; 0 for no limit.",
        Defaults.ClipNorm,
        IsFloat,
        FloatRange);
    private static readonly Option<double> LabelSmoothing = OptionParsers.Number(
        "--label-smoothing",
        "Label smoothing: probability spread evenly over all classes, from 0 to below 1.",
        Defaults.LabelSmoothing,
        IsFraction,
        Fractions);
    public static readonly Option<Augmentation?> Augment = new("--augment")
    {
        Description = $"Change the training images at random, separated by commas: {Augmentation.Names}; or {NoAugmentation}.",
        HelpName = "PARTS",
        CustomParser = ParseAugmentation,
        CompletionSources =
        {
            Augmentation.Names.Split(", ").Select(part => part.TrimEnd([.. part.Where(char.IsUpper)])).Append(NoAugmentation).ToArray(),
        },
    };
    private static readonly Option<string?> ClassWeights = OptionParsers.Parsed(
        "--class-weights",
        "NAME",
        $"Weight the loss by class; {Balanced} gives every class the same total weight.",
        text => text.Equals(Balanced, StringComparison.OrdinalIgnoreCase) ? text : null,
        expected: Balanced,
        Balanced);
    private static readonly Option<long> Seed = OptionParsers.Number(
        "--seed", "Random seed of the initial weights, the order of the images and the augmentation.", Defaults.Seed, _ => true,
        "a whole number", "N", NumberStyles.AllowLeadingSign);
    private static readonly Option<int?> TrainLimit = OptionParsers.OptionalCount(
        "--train-limit", "Use only the first N training images.");
    private static readonly Option<int?> Validation = OptionParsers.OptionalCount(
        "--validation", "Hold out the last N training images and choose the best epoch on them instead of on the test images.");
    private static readonly Option<int?> Patience = OptionParsers.OptionalCount(
        "--patience", "With validation images: stop after N epochs without a better one.");
    private static readonly Option<bool> Freeze = OptionParsers.Switch("--freeze", "With --init: train only the last layer.");

    /// <summary>All options whose values are in <see cref="TrainSettings"/>.</summary>
    public static IReadOnlyList<Option> All { get; } =
    [
        SharedOptions.Arch, RecipeName, Epochs, BatchSize, LearningRate, Momentum, WeightDecay, LearningRateSchedule, Milestones,
        ClipNorm, LabelSmoothing, Augment, ClassWeights, Seed, TrainLimit, SharedOptions.TestLimit, Validation, Patience, Freeze,
    ];

    public static Option<string?> Init { get; } = OptionParsers.FilePath(
        "--init", "MODEL", "Start from trained weights: a .safetensors file, a run folder (its best epoch), or a bundled network.");

    public static Option<string?> Resume { get; } =
        OptionParsers.FilePath("--resume", "RUN", "Resume from a checkpoint or from the checkpoint in a run folder, with its settings.");

    /// <summary>Path of the weights of <see cref="Init"/>; null without the option.</summary>
    public static string? FindInitialWeights(ParseResult parseResult) =>
        parseResult.GetValue(Init) is { } name ? ModelLocator.Find(name, architecture: null) : null;

    /// <summary>Validator of a command: reports options that exclude or need each other.</summary>
    public static void Check(CommandResult result)
    {
        if (result.GetResult(Patience) is not null && result.GetResult(Validation) is null && result.GetResult(Resume) is null
            && result.Command.Options.Contains(DataOptions.Data) && result.GetResult(DataOptions.Data) is null)
            result.AddError("--patience needs --validation: the test images must not decide when to stop.");
        if (result.GetResult(LearningRateSchedule)?.Tokens is [var name]
            && OptionParsers.NameOf(Schedule.Steps).Equals(name.Value, StringComparison.OrdinalIgnoreCase)
            != result.GetResult(Milestones) is not null)
            result.AddError("--schedule steps and --lr-milestones need each other.");
        if (result.GetResult(RecipeName) is not null && result.GetResult(Resume) is not null)
            result.AddError("--recipe and --resume exclude each other: a checkpoint has its own settings.");
        if (result.GetResult(Init) is not null && result.GetResult(Resume) is not null)
            result.AddError("--init and --resume exclude each other: a checkpoint has its own weights.");
        if (result.GetValue(Freeze) && result.GetResult(Init) is null && result.GetResult(Resume) is null)
            result.AddError("--freeze needs --init: random weights are not worth keeping.");
    }

    /// <summary>Whether the settings start from the recipe for folders of images because the data set is one.</summary>
    public static bool IsRecipeOfData(ParseResult parseResult) =>
        !parseResult.IsGiven(RecipeName) && !parseResult.IsGiven(Resume) && FindRecipe(parseResult) == Recipe.Images;

    /// <summary>Writes the recipe that the data set has chosen to standard error.</summary>
    public static void ReportRecipe() => Terminal.WriteErrorLine($"Recipe: {Recipe.Images.Name}");

    /// <summary>Reads the settings from the command line.</summary>
    /// <param name="saved">Settings of a checkpoint, which options override. Null to start from the recipe.</param>
    public static TrainSettings Read(ParseResult parseResult, TrainSettings? saved = null)
    {
        saved ??= FindRecipe(parseResult).Settings;
        var milestones = parseResult.GetValueOr(Milestones, saved.LearningRateMilestones);
        var augmentation = parseResult.GetValueOr(Augment, saved.Augment);
        var schedule = parseResult.GetValue(LearningRateSchedule)
            ?? (parseResult.IsGiven(Milestones) ? Schedule.Steps : saved.Schedule);
        return saved with
        {
            Architecture = parseResult.GetValue(SharedOptions.Arch) ?? saved.Architecture,
            Epochs = parseResult.GetValueOr(Epochs, saved.Epochs),
            BatchSize = parseResult.GetValueOr(BatchSize, saved.BatchSize),
            LearningRate = parseResult.GetValueOr(LearningRate, saved.LearningRate),
            Momentum = parseResult.GetValueOr(Momentum, saved.Momentum),
            WeightDecay = parseResult.GetValueOr(WeightDecay, saved.WeightDecay),

            // A schedule on the command line replaces the saved one.
            Schedule = schedule,
            LearningRateMilestones = schedule is Schedule.Steps ? milestones : null,
            ClipNorm = parseResult.GetValueOr(ClipNorm, saved.ClipNorm),
            LabelSmoothing = parseResult.GetValueOr(LabelSmoothing, saved.LabelSmoothing),
            Augment = augmentation == Augmentation.None ? null : augmentation,
            BalanceClasses = parseResult.GetValue(ClassWeights) is not null || saved.BalanceClasses,
            Seed = parseResult.GetValueOr(Seed, saved.Seed),
            TrainLimit = parseResult.GetValueOr(TrainLimit, saved.TrainLimit),
            TestLimit = parseResult.GetValueOr(SharedOptions.TestLimit, saved.TestLimit),
            Validation = parseResult.GetValueOr(Validation, saved.Validation),
            Patience = parseResult.GetValueOr(Patience, saved.Patience),
            Freeze = parseResult.GetValueOr(Freeze, saved.Freeze),
        };
    }

    // A folder of images has its own default.
    private static Recipe FindRecipe(ParseResult parseResult) => parseResult.GetValue(RecipeName)
        ?? (parseResult.GetValue(DataOptions.Data) is { } data && DataReader.IsImageFolder(data) ? Recipe.Images : Recipe.Article);

    private static bool IsFloat(double value) => value is >= 0 and <= float.MaxValue;

    private static bool IsFraction(double value) => value is >= 0 and < 1;

    private static int[] ParseMilestones(ArgumentResult result)
    {
        int[] steps =
        [
            .. result.Tokens.Select(token =>
                int.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : 0),
        ];
        if (!TrainSettings.AreMilestones(steps))
            result.AddError(
                $"--lr-milestones takes numbers of steps above 0, each above the one before it, not '{string.Join(' ', result.Tokens)}'.");
        return steps;
    }

    private static Augmentation? ParseAugmentation(ArgumentResult result)
    {
        if (result.Text().Equals(NoAugmentation, StringComparison.OrdinalIgnoreCase))
            return Augmentation.None;
        var augmentation = Augmentation.Parse(result.Text(), out var problem);
        if (problem is not null)
            result.AddError($"--augment '{result.Text()}': {problem}");
        return augmentation;
    }
}
