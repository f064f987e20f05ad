using System.CommandLine;
using System.CommandLine.Parsing;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Commands;

internal static class TrainCommand
{
    private static readonly Option<int?> CheckpointEvery = OptionParsers.OptionalCount(
        "--checkpoint-every", "Write a checkpoint every N steps, not only after each epoch.");
    private static readonly Option<int?> Replicas = OptionParsers.OptionalCount(
        "--replicas",
        "Split each batch among N replicas of the network, one thread per replica, at most one per core. "
            + "[default: 2; 1 with one thread, on a GPU, or if the network does not support replicas]",
        Environment.ProcessorCount);
    public static readonly Option<string?> Out = OptionParsers.FilePath("--out", "DIR", "Run folder. [default: runs/ARCHITECTURE-TIME]");
    public static readonly Option<string?> Plot = SharedOptions.CreatePlot("accuracy.png in the run folder");
    private static readonly Option<bool> TensorBoard = OptionParsers.Switch(
        "--tensorboard", "Write event files for TensorBoard into the run folder; false stops a resumed run from writing them.");
    private static readonly Option<int> LogInterval = OptionParsers.Count(
        "--log-interval", "Without a terminal: print a line every N steps.", 300);
    private static readonly Option<bool> FindLr = OptionParsers.Switch(
        "--find-lr",
        $"Learning-rate range test: train {LearningRateTest.StepCount} steps with rising rates, keep no weights, suggest an --lr.");

    public static Command Create() => OptionParsers.CreateCommand(
        "train",
        "Train a network; write its weights, metrics and a plot into a run folder.",
        Run,
        [
            .. SettingsOptions.All.Where(option => option != SharedOptions.Arch), SettingsOptions.Init, SettingsOptions.Resume,
            FindLr, CheckpointEvery, SharedOptions.Threads, Replicas, Out, Plot, TensorBoard, LogInterval, SharedOptions.Json,
            .. DataOptions.All,
        ],
        Check);

    private static void Check(CommandResult result)
    {
        SettingsOptions.Check(result);
        if (result.GetValue(FindLr) && result.GetResult(SettingsOptions.Resume) is not null)
            result.AddError($"{FindLr.Name} and {SettingsOptions.Resume.Name} exclude each other: a resumed run keeps its learning rate.");
    }

    private static int Run(ParseResult parseResult)
    {
        using var group = MpiProcessGroup.Join(error => Failure.Reason(error, parseResult.GetValue(SharedOptions.Verbose)));
        if (group.Rank > 0)
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(TextWriter.Null);
        }

        return group.RunOrAbort(() => Run(parseResult, group));
    }

    private static int Run(ParseResult parseResult, IProcessGroup group)
    {
        Device? device = null; // not torch.CPU, which would load libtorch before TorchEnvironment limits the busy-wait of its threads
        using var checkpoint = group.RunOnAll(() =>
        {
            device = TorchEnvironment.Start(
                parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads), group.RanksOnSameCores);
            return ReadCheckpoint(parseResult);
        });
        var settings = SettingsOptions.Read(parseResult, checkpoint?.Settings);
        using var data = group.RunOnAll(() => LoadData(parseResult, settings, checkpoint, group));

        using var signals = new ShutdownSignals();
        var request = new TrainingRequest(settings, data, device!)
        {
            Folder = parseResult.GetValue(Out),
            InitialWeights = SettingsOptions.FindInitialWeights(parseResult),
            CheckpointEvery = parseResult.GetValue(CheckpointEvery),
            LogEveryNSteps = parseResult.GetValue(CheckpointEvery) ?? parseResult.GetValue(LogInterval),
            Parallelism = new ParallelSettings(parseResult.GetValue(Replicas)) { Group = group },
        };
        if (parseResult.GetValue(FindLr))
            return FindLearningRate.Run(parseResult, request, signals.Token);
        using var run = TrainingRun.Create(request, checkpoint);
        var isFinished = run.IsWorkerRank
            ? run.Train([], signals.Token)
            : Train(parseResult, run, data, Path.GetDirectoryName(checkpoint?.Path), signals.Token);
        return isFinished ? 0 : ExitCode.Interrupted;
    }

    private static Checkpoint? ReadCheckpoint(ParseResult parseResult)
    {
        if (parseResult.GetValue(SettingsOptions.Resume) is not { } resume)
            return null;
        var path = ModelLocator.FindCheckpoint(resume);
        if (ExperimentInfo.Owns(path))
            throw new UserException($"{path} belongs to an experiment. To resume the experiment, start it again with the same --out.");
        return Checkpoint.Read(path);
    }

    private static DataSet LoadData(ParseResult parseResult, TrainSettings settings, Checkpoint? checkpoint, IProcessGroup group)
    {
        if (parseResult.GetValue(Plot) is { } plotPath && group.Rank == 0)
            AtomicFile.EnsureWritable(plotPath);
        var saved = checkpoint?.Data;
        var exists = DataReader.Exists(saved?.Folder);
        if (saved?.ImageSettings is not null && !exists && !parseResult.IsGiven(DataOptions.Data))
            throw new UserException($"The data folder {saved.Folder} does not exist any more. Name the data folder with --data.");
        using var initial = InitialWeights.Read(SettingsOptions.FindInitialWeights(parseResult), settings.Architecture);
        var folder = exists ? saved!.Folder : null;
        var data = DataOptions.Load(
            parseResult,
            settings.TrainLimit,
            settings.TestLimit,
            saved?.ImageSettings,
            folder,
            group.RanksOnSameCores,
            saved?.ClassNames ?? initial?.ClassNames,
            images => TrainingRun.EnsureTrainable(settings, images, initial));

        using var guard = new DisposeOnError(data);

        // The plots of a run would become images of the data set.
        var runFolder = Path.GetFullPath(parseResult.GetValue(Out) ?? Path.GetDirectoryName(checkpoint?.Path) ?? "runs");
        if (data.ImageSettings is not null && IsInside(runFolder, data.Folder))
            throw new UserException($"The run folder {runFolder} would be inside the image folder {data.Folder}.")
                .With(Remedy.ChooseFolder);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive); // returns some 65 MB that unpacking the files took
        return guard.Complete(data);
    }

    private static bool IsInside(string path, string folder)
    {
        var relative = Path.GetRelativePath(folder, path);
        return !relative.StartsWith("..", StringComparison.Ordinal) && !Path.IsPathRooted(relative);
    }

    /// <param name="home">Folder of the checkpoint of a resumed run, or null.</param>
    private static bool Train(ParseResult parseResult, TrainingRun run, DataSet data, string? home, CancellationToken cancellation)
    {
        var (folder, settings, json) = (run.Folder, run.Trainer.Settings, parseResult.GetValue(SharedOptions.Json));
        DataOptions.Report(parseResult, data);
        if (SettingsOptions.IsRecipeOfData(parseResult))
            SettingsOptions.ReportRecipe();
        if (data.IsTestedOnValidation && settings.Validation is null)
            Terminal.WriteErrorLine(
                $"Warning: there are no test images with classes, so {data.Splits!["validation"]} both chooses the epoch of "
                + "best.safetensors and measures it: the accuracy of that epoch is optimistic.");
        foreach (var note in run.InitNotes)
            Terminal.WriteErrorLine(note);
        if (run.Trainer.Splits.ClassCounts.Warning(data.ClassNames, isSubset: settings.TrainLimit is not null) is { } warning)
            Terminal.WriteErrorLine(warning);
        if (!folder.HasBest)
            Terminal.WriteErrorLine($"The best weights so far are not in {home}; the next better epoch writes best.safetensors.");

        var plotPath = parseResult.GetValue(Plot) is { } path ? Path.GetFullPath(path) : folder.PlotPath;
        var plot = new AccuracyPlot(plotPath, settings.Architecture.Title, settings.Epochs, folder.Epochs);
        if (folder.Epochs.Count > 0)
            plot.Draw(); // a run can be killed after the checkpoint of an epoch and before its plot
        List<ITrainingCallback> callbacks = [plot];
        if (parseResult.GetValueOr(TensorBoard, TensorBoardWriter.HasEvents(home)))
            callbacks.Add(new TensorBoardWriter(folder.FullPath, home, run.Trainer));
        var isFinished = TrainingReport.WithProgress(
            settings.Epochs, parseResult.GetValue(LogInterval), json, progress => run.Train([.. callbacks, .. progress], cancellation));

        string[] files = [folder.InfoPath, folder.MetricsPath, plotPath, folder.ModelPath, folder.BestPath, folder.CheckpointPath];
        TrainingReport.Write(folder.Info, folder.Epochs, [.. files.Where(File.Exists)], json);
        if (!isFinished)
            Terminal.WriteErrorLine($"Stopped. To resume: train --resume {folder.CheckpointPath}");
        return isFinished;
    }
}
