using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Commands;

/// <summary><c>train</c>: trains one architecture and leaves a run folder.</summary>
internal static class TrainCommand
{
    private const string Balanced = "balanced";

    private static readonly TrainSettings Defaults = Recipe.All[0].Settings;

    private static readonly Option<Recipe?> RecipeName = SharedOptions.CreateRecipe(
        $"The settings to start from: {SharedOptions.RecipeNames}. The defaults below are those of {Recipe.All[0].Name}.");
    private static readonly Option<int> Epochs = OptionParsers.Count("--epochs", "How often every training image is seen.", Defaults.Epochs);
    private static readonly Option<int> BatchSize = OptionParsers.Count("--batch-size", "Images in a step.", Defaults.BatchSize);
    private static readonly Option<double> LearningRate = OptionParsers.Number(
        "--lr", "Learning rate of SGD.", Defaults.LearningRate, TrainSettings.IsLearningRate, TrainSettings.LearningRates);
    private static readonly Option<double> Momentum = OptionParsers.Number(
        "--momentum", "Momentum of SGD.", Defaults.Momentum, TrainSettings.IsShare, TrainSettings.Shares);
    private static readonly Option<double> WeightDecay = OptionParsers.Number(
        "--weight-decay",
        "The share of each weight that is added to its gradient (L2).",
        Defaults.WeightDecay,
        TrainSettings.IsWeightDecay,
        TrainSettings.WeightDecays);

    /// <summary>Of several numbers.</summary>
    public static readonly Option<IReadOnlyList<int>?> Milestones = new("--lr-milestones")
    {
        Description = "Divide the learning rate by 10 after each of these numbers of steps of the run.",
        HelpName = "STEPS",
        AllowMultipleArgumentsPerToken = true,
        CustomParser = result =>
        {
            int[] steps = [.. result.Tokens.Select(token => int.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : 0)];
            if (!TrainSettings.AreMilestones(steps))
                result.AddError($"--lr-milestones takes {TrainSettings.Milestones}, not '{string.Join(' ', result.Tokens)}'.");
            return steps;
        },
    };

    private static readonly Option<bool> OneCycle = new("--one-cycle")
    {
        Description = "Let the learning rate rise to --lr and fall again, once in the whole run.",
    };
    private static readonly Option<double> LabelSmoothing = OptionParsers.Number(
        "--label-smoothing",
        "The share of the target that all classes have in common.",
        Defaults.LabelSmoothing,
        TrainSettings.IsShare,
        TrainSettings.Shares);

    /// <summary>Of several parts, with commas between.</summary>
    public static readonly Option<Augmentation?> Augment = new("--augment")
    {
        Description = $"Change the training images at random, with commas between: {Augmentation.Names}.",
        HelpName = "PARTS",
        CustomParser = result =>
        {
            var parts = Augmentation.Parse(result.Text(), out var problem);
            if (problem is not null)
                result.AddError($"--augment '{result.Text()}': {problem}");
            return parts;
        },
    };

    private static readonly Option<string?> ClassWeights = OptionParsers.Checked(
        new Option<string?>("--class-weights")
        {
            Description = $"What an image counts in the loss by its class: {Balanced}, so that all classes count the same.",
            HelpName = "NAME",
        },
        value => string.Equals(value, Balanced, StringComparison.OrdinalIgnoreCase) ? null : $"--class-weights takes {Balanced}, not '{value}'.");
    private static readonly Option<long> Seed = OptionParsers.Integer(
        "--seed", "Seed of the random numbers: the initial weights and the order of the images.", Defaults.Seed);
    private static readonly Option<int?> TrainLimit = OptionParsers.OptionalCount("--train-limit", "Only the first N training images.");
    private static readonly Option<int?> Validation = OptionParsers.OptionalCount(
        "--validation", "Hold out the last N training images and choose the best epoch on them.");
    private static readonly Option<int?> Patience = OptionParsers.OptionalCount(
        "--patience", "With --validation: end after N epochs without a better one.");
    public static readonly Option<string?> Init = new("--init") { Description = "Start from the weights in a .safetensors file.", HelpName = "FILE" };
    private static readonly Option<bool> Freeze = new("--freeze") { Description = "With --init: train the last layer alone." };
    private static readonly Option<string?> Resume = new("--resume") { Description = "Go on from a checkpoint, with its settings.", HelpName = "FILE" };
    private static readonly Option<int?> CheckpointEvery = OptionParsers.OptionalCount(
        "--checkpoint-every", "Write a checkpoint every N steps too, not only after each epoch.");
    private static readonly Option<int?> Replicas = OptionParsers.OptionalCount(
        "--replicas", "Share each batch among N replicas of the network, a thread each; at most one a core. [default: 2, or 1 with one thread, on a GPU, or where the network cannot have them]", Environment.ProcessorCount);
    private static readonly Option<bool> TensorBoard = new("--tensorboard")
    {
        Description = "Write TensorBoard's event files into the run folder; false stops a resumed run that writes them.",
    };
    private static readonly Option<int> LogInterval = OptionParsers.Count("--log-interval", "Without a terminal: a line every N steps.", 300);
    private static readonly Option<string?> Out = new("--out")
    {
        Description = "The run folder. [default: runs/ARCHITECTURE-TIME]",
        HelpName = "DIR",
    };
    private static readonly Option<string?> Plot = SharedOptions.CreatePlot("accuracy.png in the run folder");
    public static Command Create()
    {
        var command = new Command("train", "Train one architecture; leave its weights, its accuracies and a plot in a run folder.")
        {
            RecipeName, Epochs, BatchSize, LearningRate, Momentum, WeightDecay, Milestones, OneCycle, LabelSmoothing, Augment, ClassWeights, Seed,
            TrainLimit, SharedOptions.TestLimit, Validation, Patience, Init, Freeze, Resume, CheckpointEvery, SharedOptions.Threads, Replicas, Out, Plot, TensorBoard, LogInterval, SharedOptions.Json,
        };
        foreach (var option in DataOptions.All)
            command.Add(option);
        command.Validators.Add(Check);
        command.SetAction(Run);
        return command;
    }

    /// <summary>The options of how a network is trained: what they say is in <see cref="TrainSettings"/>.</summary>
    public static IReadOnlyList<Option> SettingsOptions { get; } =
    [
        SharedOptions.Arch, RecipeName, Epochs, BatchSize, LearningRate, Momentum, WeightDecay, Milestones, OneCycle, LabelSmoothing, Augment, ClassWeights, Seed,
        TrainLimit, SharedOptions.TestLimit, Validation, Patience, Freeze,
    ];

    /// <summary>Says which options do not go together.</summary>
    public static void Check(CommandResult result)
    {
        if (result.GetResult(Patience) is not null && result.GetResult(Validation) is null && result.GetResult(Resume) is null)
            result.AddError("--patience needs --validation: the test images must not decide when to stop.");
        if (result.GetResult(Milestones) is not null && result.GetValue(OneCycle))
            result.AddError("--lr-milestones and --one-cycle exclude each other: both say how the learning rate falls.");
        if (result.GetResult(RecipeName) is not null && result.GetResult(Resume) is not null)
            result.AddError("--recipe and --resume exclude each other: a checkpoint has its own settings.");
        if (result.GetResult(Init) is not null && result.GetResult(Resume) is not null)
            result.AddError("--init and --resume exclude each other: a checkpoint has its own weights.");
        if (result.GetValue(Freeze) && result.GetResult(Init) is null && result.GetResult(Resume) is null)
            result.AddError("--freeze needs --init: fresh weights have nothing to keep.");
    }

    private static int Run(ParseResult parseResult)
    {
        using var group = MpiProcessGroup.Join(error => Failure.Reason(error, parseResult.GetValue(SharedOptions.Verbose)));
        if (group.Rank > 0)
            SilenceConsole();
        return group.RunOrAbort(() => Run(parseResult, group));
    }

    private static void SilenceConsole()
    {
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
    }

    private static int Run(ParseResult parseResult, IProcessGroup group)
    {
        using var start = group.RunOnAll(() => Read(parseResult, group));
        group.AgreeOn($"{string.Join(' ', start.Data.Sha256)} {start.Data.Pictures}");
        using var signals = new ShutdownSignals();
        var (device, checkpoint, checkpointPath, architecture, settings, data) = start;
        var (folder, every) = (parseResult.GetValue(Out), parseResult.GetValue(CheckpointEvery));
        var parallelism = new ParallelSettings(parseResult.GetValue(Replicas)) { Group = group };
        using var run = checkpoint is null
            ? TrainingRun.Start(architecture, settings, data, device, folder, parseResult.GetValue(Init), every, parallelism)
            : TrainingRun.Resume(checkpoint, checkpointPath!, architecture, settings, data, device, folder, every, parallelism);
        if (device.type != TorchSharp.DeviceType.CPU)
            run.Trainer.StepsAtOnce = every ?? parseResult.GetValue(LogInterval);
        if (run.Follows)
            return run.Train([], signals.Token) ? 0 : ExitCode.Interrupted;
        DataOptions.Report(parseResult, data);
        if (run.FreshLayer is { } freshLayer)
            Console.Error.WriteLine(freshLayer);
        if (run.Trainer.Classes.Warning(data.ClassNames, isPart: settings.TrainLimit is not null) is { } warning)
            Console.Error.WriteLine(warning);
        if (!run.Folder.HasBest)
            Console.Error.WriteLine($"The best weights so far are not beside {checkpointPath}: best.safetensors comes with the next better epoch.");
        return Train(parseResult, architecture, run, Path.GetDirectoryName(checkpointPath), signals.Token);
    }

    private static Beginning Read(ParseResult parseResult, IProcessGroup group)
    {
        var device = TorchEnvironment.Start(parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads), group.RanksOnSameCores);
        var checkpointPath = parseResult.GetValue(Resume) is { } resume ? Path.GetFullPath(resume) : null;
        var checkpoint = checkpointPath is null ? null : Checkpoint.Read(checkpointPath);
        DataSet? data = null;
        try
        {
            if (checkpointPath is not null && ExperimentRun.Owns(checkpointPath))
                throw new UserException($"{checkpointPath} is of a training inside an experiment: start that again with the same --out, and it goes on.");
            var settings = Settings(parseResult, checkpoint?.Settings);
            checkpoint?.EnsureSame(settings);
            var architecture = Architecture.Find(settings.Architecture)
                ?? throw new InvalidDataException($"{checkpointPath} is of an architecture that this program does not know: {settings.Architecture}.");
            data = LoadData(parseResult, settings, checkpoint?.Data, group);
            EnsureOutside(data, parseResult.GetValue(Out) ?? Path.GetDirectoryName(checkpointPath));

            // What unpacking the files took, some 65 MB, is not needed any more.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
            if (parseResult.GetValue(Plot) is { } plotPath && group.Rank == 0)
                AtomicFile.EnsureWritable(plotPath);
            return new Beginning(device, checkpoint, checkpointPath, architecture, settings, data);
        }
        catch
        {
            data?.Dispose();
            checkpoint?.Dispose();
            throw;
        }
    }

    // A run that goes on finds its data where they were, if they are still there.
    private static DataSet LoadData(ParseResult parseResult, TrainSettings settings, RunData? saved, IProcessGroup group)
    {
        var isThere = DataReader.Exists(saved?.Folder);
        if (saved?.Pictures is not null && !isThere && parseResult.GetResult(DataOptions.Data) is null)
            throw new UserException($"The data folder {saved.Folder} is not there any more: say where it is with --data.");
        return DataOptions.Load(parseResult, settings.TrainLimit, settings.TestLimit, saved?.Pictures, isThere ? saved!.Folder : null, group.RanksOnSameCores);
    }

    // A picture that a run leaves there would be taken for one of the set.
    private static void EnsureOutside(DataSet data, string? runFolder)
    {
        var path = Path.GetFullPath(runFolder ?? "runs");
        if (data.Pictures is not null && Path.GetRelativePath(data.Folder, path) is var relative && !relative.StartsWith("..", StringComparison.Ordinal) && !Path.IsPathRooted(relative))
            throw new UserException($"The run folder would be {path}, among the pictures of {data.Folder}: choose another one with --out.");
    }

    private static int Train(ParseResult parseResult, Architecture architecture, TrainingRun run, string? home, CancellationToken interruption)
    {
        var (folder, epochs, json) = (run.Folder, run.Trainer.Settings.Epochs, parseResult.GetValue(SharedOptions.Json));
        var plotPath = parseResult.GetValue(Plot) is { } path ? Path.GetFullPath(path) : folder.PlotPath;
        var plot = new AccuracyPlot(plotPath, architecture.Title, epochs, folder.Epochs);
        if (folder.Epochs.Count > 0)
            plot.Draw(); // A run can be killed after the checkpoint of an epoch and before its plot.
        List<ITrainingCallback> observers = [plot];
        if (parseResult.GetResult(TensorBoard) is { Implicit: false } ? parseResult.GetValue(TensorBoard) : TensorBoardWriter.HasEvents(home))
            observers.Add(new TensorBoardWriter(folder.FullPath, home, run.Trainer));
        var isFinished = false;
        TrainingReport.Run(epochs, parseResult.GetValue(LogInterval), json, report => isFinished = run.Train([.. observers, .. report], interruption));

        string[] files = [folder.InfoPath, folder.MetricsPath, plotPath, folder.ModelPath, folder.BestPath, folder.CheckpointPath];
        TrainingReport.Result(folder.Info, folder.Epochs, [.. files.Where(File.Exists)], json);
        if (isFinished)
            return 0;
        TrainingReport.HowToResume(folder.CheckpointPath);
        return ExitCode.Interrupted;
    }

    /// <summary>
    /// How to train: what is not asked for is as in the checkpoint, where there is one, or as in the recipe. One course of the learning
    /// rate takes the place of the other.
    /// </summary>
    public static TrainSettings Settings(ParseResult parseResult, TrainSettings? saved = null)
    {
        saved ??= (parseResult.GetValue(RecipeName) ?? Recipe.All[0]).Settings;
        return new TrainSettings(
            parseResult.GetValue(SharedOptions.Arch)?.Name ?? saved.Architecture,
            Value(Epochs, saved.Epochs),
            Value(BatchSize, saved.BatchSize),
            Value(LearningRate, saved.LearningRate),
            Value(Momentum, saved.Momentum),
            Value(Seed, saved.Seed),
            Value(TrainLimit, saved.TrainLimit),
            Value(SharedOptions.TestLimit, saved.TestLimit),
            Value(Validation, saved.Validation),
            Value(Patience, saved.Patience),
            parseResult.GetResult(Milestones) is null && Value(OneCycle, saved.OneCycle),
            Value(LabelSmoothing, saved.LabelSmoothing),
            Value(Augment, saved.Augment),
            parseResult.GetValue(ClassWeights) is not null || saved.BalanceClasses,
            Value(Freeze, saved.Freeze),
            Value(WeightDecay, saved.WeightDecay),
            parseResult.GetValue(OneCycle) ? null : Value<IReadOnlyList<int>?>(Milestones, saved.LearningRateMilestones));

        T? Value<T>(Option<T> option, T otherwise) => parseResult.GetResult(option) is { Implicit: false } ? parseResult.GetValue(option) : otherwise;
    }

    /// <summary>What a run begins with, or goes on with from a checkpoint.</summary>
    private sealed record Beginning(
        TorchSharp.torch.Device Device, Checkpoint? Checkpoint, string? CheckpointPath, Architecture Architecture, TrainSettings Settings, DataSet Data) : IDisposable
    {
        public void Dispose()
        {
            Data.Dispose();
            Checkpoint?.Dispose();
        }
    }
}
