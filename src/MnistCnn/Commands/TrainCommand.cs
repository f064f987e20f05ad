using System.CommandLine;
using MnistCnn.Data;
using MnistCnn.Modules;
using MnistCnn.Reporting;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static MnistCnn.Commands.CommonOptions;
using static TorchSharp.torch;

namespace MnistCnn.Commands;

/// <summary><c>train</c>: trains one architecture and leaves a run folder.</summary>
public static class TrainCommand
{
    private static readonly TrainSettings Defaults = new();

    private static readonly Option<int> Epochs = Count("--epochs", "How often every training image is seen.", Defaults.Epochs);
    private static readonly Option<int> BatchSize = Count("--batch-size", "Images in a step.", Defaults.BatchSize);
    private static readonly Option<double> LearningRate = Number(
        "--lr", "Learning rate of SGD.", Defaults.LearningRate, value => value > 0 && double.IsFinite(value), "a number above 0");
    private static readonly Option<double> Momentum = Number(
        "--momentum", "Momentum of SGD.", Defaults.Momentum, value => value is >= 0 and < 1, "a number from 0 to below 1");
    private static readonly Option<long> Seed = Integer(
        "--seed", "Seed of the random numbers: the initial weights and the order of the images.", Defaults.Seed);
    private static readonly Option<int?> TrainLimit = OptionalCount("--train-limit", "Only the first N training images.");
    private static readonly Option<int?> TestLimit = OptionalCount("--test-limit", "Only the first N test images.");
    private static readonly Option<int> LogInterval = Count("--log-interval", "Without a terminal: a line each N steps.", 300);
    private static readonly Option<string?> Out = new("--out")
    {
        Description = "The run folder. [default: runs/ARCHITECTURE-TIME]",
        HelpName = "DIR",
    };
    private static readonly Option<string?> Plot = CommonOptions.Plot("accuracy.png in the run folder");

    /// <summary>The command and its options.</summary>
    public static Command Create()
    {
        var command = new Command("train", "Train one architecture; leave its accuracies, a plot and a record in a run folder.")
        {
            Epochs, BatchSize, LearningRate, Momentum, Seed, TrainLimit, TestLimit,
            CommonOptions.Data, Threads, Out, Plot, LogInterval, Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        var started = DateTimeOffset.Now;
        NativeLibraries.Load();
        if (line.GetValue(Threads) is { } threads)
            set_num_threads(threads);
        var device = Devices.Get(line.GetValue(CommonOptions.Device) ?? "auto");

        var architecture = Architecture.Find(line.GetValue(Arch) ?? Architecture.Default)!;
        var settings = new TrainSettings(
            architecture.Name,
            line.GetValue(Epochs),
            line.GetValue(BatchSize),
            line.GetValue(LearningRate),
            line.GetValue(Momentum),
            line.GetValue(Seed),
            line.GetValue(TrainLimit),
            line.GetValue(TestLimit));

        using var data = MnistData.Load(line.GetValue(CommonOptions.Data) ?? MnistData.BundledFolder, settings.TrainLimit, settings.TestLimit);
        using var trainer = new Trainer(architecture, settings, data, device);

        var plotPath = line.GetValue(Plot) is { } path ? Path.GetFullPath(path) : null;
        if (plotPath is not null)
            AtomicFile.EnsureWritable(plotPath);
        var folder = RunFolder.Create(line.GetValue(Out), new RunInfo(
            settings,
            trainer.Parameters,
            device.ToString(),
            get_num_threads(),
            Versions.All,
            new RunData(data.Folder, data.Train.Count, data.Test.Count, data.Sha256),
            started));
        plotPath ??= Path.Combine(folder.FullPath, "accuracy.png");

        using var interruption = new Interruption();
        var outcome = "finished";
        try
        {
            TrainingReport.Run(
                settings.Epochs,
                line.GetValue(LogInterval),
                line.GetValue(Json),
                report => trainer.Run([folder, new AccuracyPlot(plotPath, architecture.Title, settings.Epochs), .. report], interruption.Token));
        }
        catch (OperationCanceledException)
        {
            outcome = "stopped";
        }
        catch (Exception error)
        {
            folder.Finish($"failed: {error.Message}");
            throw;
        }

        folder.Finish(outcome);
        string[] files = folder.Epochs.Count == 0 ? [folder.InfoPath] : [folder.InfoPath, folder.MetricsPath, plotPath];
        TrainingReport.Result(folder.Info, folder.Epochs, files, line.GetValue(Json));
        return outcome == "finished" ? 0 : ExitCode.Interrupted;
    }
}
