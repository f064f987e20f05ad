using System.CommandLine;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static MnistCnn.Commands.CommonOptions;
using static TorchSharp.torch;

namespace MnistCnn.Commands;

/// <summary><c>experiment</c>: one of the article's claims, measured and plotted.</summary>
public static class ExperimentCommand
{
    private const string InfoFile = "experiment.json";

    private static readonly Argument<string> Name = new("NAME") { Description = $"What to measure: {Experiment.Names}." };
    private static readonly Option<int?> Seeds = OptionalCount("--seeds", "Measure everything N times, with the seeds 1 to N.");
    private static readonly Option<int?> Epochs = OptionalCount("--epochs", "How often a network sees each of its training images.");
    private static readonly Option<int?> TrainLimit = OptionalCount("--train-limit", "Only the first N training images.");
    private static readonly Option<string?> RecipeName = CommonOptions.RecipeName(
        $"How networks are trained: {Recipe.Names}. [default: the experiment's own]");
    private static readonly Option<bool> Quick = new("--quick") { Description = "Measure less, in less than two minutes." };
    private static readonly Option<bool> Deep = new("--deep") { Description = "For convergence: train the networks of 34 layers too." };
    private static readonly Option<string?> Out = new("--out") { Description = "The folder of the results. [default: runs/NAME-TIME]", HelpName = "DIR" };

    /// <summary>The command and its options.</summary>
    public static Command Create()
    {
        Name.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && Experiment.Find(token.Value) is null)
                result.AddError($"There is no experiment '{token.Value}'. The known ones: {Experiment.Names}.");
        });
        var command = new Command("experiment", "Measure one of the article's claims; leave a table, a CSV file and a plot.")
        {
            Name, Seeds, Epochs, TrainLimit, TestLimit, RecipeName, Quick, Deep, CommonOptions.Data, Threads, Out, Json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(Arch) is not null)
                result.AddError("experiment takes no --arch: each has networks of its own.");
            if (result.GetResult(Deep) is not null && result.GetResult(Name) is { Tokens: [var name] } && Experiment.Find(name.Value) is not Convergence)
                result.AddError("--deep is of convergence alone: the other experiments have no networks of 34 layers.");
        });
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult line)
    {
        var started = DateTimeOffset.Now;
        var device = StartTorch(line);
        var experiment = Experiment.Find(line.GetRequiredValue(Name))!;
        var standard = line.GetValue(Quick) ? experiment.Quick : experiment.Full;
        var recipe = Recipe.Find(line.GetValue(RecipeName))?.Name;
        var settings = standard with
        {
            Seeds = line.GetValue(Seeds) ?? standard.Seeds,
            Epochs = line.GetValue(Epochs) ?? standard.Epochs,
            TrainLimit = line.GetValue(TrainLimit) ?? standard.TrainLimit,
            TestLimit = line.GetValue(TestLimit) ?? standard.TestLimit,
            Recipe = recipe ?? standard.Recipe,
            LearningRate = recipe is null ? standard.LearningRate : null,
            Deep = line.GetValue(Deep),
        };
        using var data = MnistData.Load(line.GetValue(CommonOptions.Data) ?? MnistData.BundledFolder, settings.TrainLimit, settings.TestLimit);
        using var folderLock = line.GetValue(Out) is { } path ? FolderLock.Take(path) : FolderLock.TakeNew(experiment.Name, started);
        var folder = folderLock.Folder;
        var infoPath = Path.Combine(folder, InfoFile);
        if (File.Exists(infoPath))
            throw new IOException($"{folder} holds an experiment already. Choose another folder with --out.");
        using var interruption = new Interruption();
        WriteInfo("running");

        ResultTable? results = null;
        try
        {
            WorkReport.Show(progress =>
                results = experiment.Run(new Laboratory(settings, data, device, folder, progress, interruption.Token)));
        }
        catch (Exception error)
        {
            try
            {
                WriteInfo($"failed: {error.Message}");
            }
            catch (Exception second) when (second is IOException or UnauthorizedAccessException)
            {
                // The first is what the user has to know, and may be the same.
            }

            throw;
        }

        var stopped = interruption.Token.IsCancellationRequested;
        WriteInfo(stopped ? "stopped" : "finished");
        string[] files = [.. Directory.GetFiles(folder).Where(file => !FolderLock.IsLock(file)).Order(StringComparer.Ordinal)];
        if (line.GetValue(Json))
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(
                new { Experiment = experiment.Name, experiment.Claim, Settings = settings, results!.Headings, results.Rows, Files = files }, JsonFormat.Indented));
        }
        else
        {
            Console.Out.WriteLine(experiment.Claim);
            results!.Write();
            foreach (var file in files)
                Console.Out.WriteLine(file);
        }

        if (!stopped)
            return 0;
        Console.Error.WriteLine("Stopped. What was measured until then is above and in the files.");
        return ExitCode.Interrupted;

        void WriteInfo(string outcome)
        {
            var info = new
            {
                Experiment = experiment.Name,
                experiment.Claim,
                Settings = settings,
                Device = device.ToString(),
                Threads = get_num_threads(),
                Versions = Versions.All,
                Data = new RunData(data.Folder, data.Train.Count, data.Test.Count, data.Sha256),
                Started = started,
                Seconds = (DateTimeOffset.Now - started).TotalSeconds,
                Outcome = outcome,
            };
            AtomicFile.Write(infoPath, stream => JsonSerializer.Serialize(stream, info, JsonFormat.Indented));
        }
    }
}
