using System.CommandLine;
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
    private static readonly Option<int?> CheckpointEvery = OptionParsers.OptionalCount(
        "--checkpoint-every", "Write a checkpoint every N steps, not only after each epoch.");

    private static readonly Option<int?> Replicas = OptionParsers.OptionalCount(
        "--replicas",
        "Split each batch among N replicas of the network, one thread per replica, at most one per core. "
            + "[default: 2; 1 with one thread, on a GPU, or if the network does not support replicas]",
        Environment.ProcessorCount);

    private static readonly Option<string?> Out = new("--out") { Description = "Run folder. [default: runs/ARCHITECTURE-TIME]", HelpName = "DIR" };

    private static readonly Option<string?> Plot = SharedOptions.CreatePlot("accuracy.png in the run folder");

    private static readonly Option<bool> TensorBoard = new("--tensorboard")
    {
        Description = "Write event files for TensorBoard into the run folder; false stops a resumed run from writing them.",
    };

    private static readonly Option<int> LogInterval = OptionParsers.Count("--log-interval", "Without a terminal: print a line every N steps.", 300);

    public static Command Create()
    {
        var command = new Command("train", "Train a network; write its weights, metrics and a plot into a run folder.");
        foreach (var option in SettingsOptions.All.Where(option => option != SharedOptions.Arch))
            command.Add(option);
        Option[] own =
        [
            SettingsOptions.Init, SettingsOptions.Resume, CheckpointEvery, SharedOptions.Threads, Replicas, Out, Plot, TensorBoard, LogInterval,
            SharedOptions.Json,
        ];
        foreach (var option in own.Concat(DataOptions.All))
            command.Add(option);
        command.Validators.Add(SettingsOptions.Check);
        command.SetAction(Run);
        return command;
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
        group.AgreeOn($"{string.Join(' ', start.Data.Sha256)} {start.Data.ImageSettings}");
        using var signals = new ShutdownSignals();
        var (device, checkpoint, checkpointPath, settings, data) = start;
        var request = new TrainingRequest(settings, data, device)
        {
            Folder = parseResult.GetValue(Out),
            InitialWeights = parseResult.GetValue(SettingsOptions.Init),
            CheckpointEvery = parseResult.GetValue(CheckpointEvery),
            LogEveryNSteps = parseResult.GetValue(CheckpointEvery) ?? parseResult.GetValue(LogInterval),
            Parallelism = new ParallelSettings(parseResult.GetValue(Replicas)) { Group = group },
        };
        using var run = checkpoint is null ? TrainingRun.Start(request) : TrainingRun.Resume(request, checkpoint);
        if (run.IsWorkerRank)
            return run.Train([], signals.Token) ? 0 : ExitCode.Interrupted;
        DataOptions.Report(parseResult, data);
        foreach (var note in run.InitNotes)
            Console.Error.WriteLine(note);
        if (run.Trainer.Splits.ClassCounts.Warning(data.ClassNames, isPart: settings.TrainLimit is not null) is { } warning)
            Console.Error.WriteLine(warning);
        if (!run.Folder.HasBest)
            Console.Error.WriteLine($"The best weights so far are not beside {checkpointPath}; the next better epoch writes best.safetensors.");
        return Train(parseResult, run, Path.GetDirectoryName(checkpointPath), signals.Token);
    }

    private static Beginning Read(ParseResult parseResult, IProcessGroup group)
    {
        var device = TorchEnvironment.Start(parseResult.GetValue(SharedOptions.Device), parseResult.GetValue(SharedOptions.Threads), group.RanksOnSameCores);
        var checkpointPath = parseResult.GetValue(SettingsOptions.Resume) is { } resume ? Path.GetFullPath(resume) : null;
        var checkpoint = checkpointPath is null ? null : Checkpoint.Read(checkpointPath);
        DataSet? data = null;
        try
        {
            if (checkpointPath is not null && ExperimentInfo.Owns(checkpointPath))
                throw new UserException($"{checkpointPath} is of a training inside an experiment: start that again with the same --out, and it goes on.");
            var settings = SettingsOptions.Read(parseResult, checkpoint?.Settings);
            checkpoint?.EnsureSame(settings);
            if (Architecture.Find(settings.Architecture.Name) is null)
                throw new InvalidDataException($"{checkpointPath} has an unknown architecture: {settings.Architecture.Name}.");
            data = LoadData(parseResult, settings, checkpoint?.Data, group);
            EnsureOutside(data, parseResult.GetValue(Out) ?? Path.GetDirectoryName(checkpointPath));

            // What unpacking the files took, some 65 MB, is not needed any more.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
            if (parseResult.GetValue(Plot) is { } plotPath && group.Rank == 0)
                AtomicFile.EnsureWritable(plotPath);
            return new Beginning(device, checkpoint, checkpointPath, settings, data);
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
        if (data.ImageSettings is not null && Path.GetRelativePath(data.Folder, path) is var relative && !relative.StartsWith("..", StringComparison.Ordinal) && !Path.IsPathRooted(relative))
            throw new UserException($"The run folder would be {path}, among the pictures of {data.Folder}: choose another one with --out.");
    }

    private static int Train(ParseResult parseResult, TrainingRun run, string? home, CancellationToken interruption)
    {
        var (folder, epochs, json) = (run.Folder, run.Trainer.Settings.Epochs, parseResult.GetValue(SharedOptions.Json));
        var plotPath = parseResult.GetValue(Plot) is { } path ? Path.GetFullPath(path) : folder.PlotPath;
        var plot = new AccuracyPlot(plotPath, run.Trainer.Settings.Architecture.Title, epochs, folder.Epochs);
        if (folder.Epochs.Count > 0)
            plot.Draw(); // A run can be killed after the checkpoint of an epoch and before its plot.
        List<ITrainingCallback> observers = [plot];
        if (parseResult.GetResult(TensorBoard) is { Implicit: false } ? parseResult.GetValue(TensorBoard) : TensorBoardWriter.HasEvents(home))
            observers.Add(new TensorBoardWriter(folder.FullPath, home, run.Trainer));
        var isFinished = TrainingReport.WithProgress(
            epochs, parseResult.GetValue(LogInterval), json, callbacks => run.Train([.. observers, .. callbacks], interruption));

        string[] files = [folder.InfoPath, folder.MetricsPath, plotPath, folder.ModelPath, folder.BestPath, folder.CheckpointPath];
        TrainingReport.Write(folder.Info, folder.Epochs, [.. files.Where(File.Exists)], json);
        if (isFinished)
            return 0;
        Console.Error.WriteLine($"Stopped. To resume: train --resume {folder.CheckpointPath}");
        return ExitCode.Interrupted;
    }

    /// <summary>What a run begins with, or goes on with from a checkpoint.</summary>
    private sealed record Beginning(
        TorchSharp.torch.Device Device, Checkpoint? Checkpoint, string? CheckpointPath, TrainSettings Settings, DataSet Data) : IDisposable
    {
        public void Dispose()
        {
            Data.Dispose();
            Checkpoint?.Dispose();
        }
    }
}
