using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using MnistCnn.Data;
using MnistCnn.Experiments;
using MnistCnn.Files;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Sweeps;

/// <summary>One training of a sweep.</summary>
/// <param name="Name">Its name and that of its folder; see <see cref="Grid.NameOf"/>.</param>
/// <param name="Values">The values of the grid's parameters, in their order.</param>
/// <param name="Settings">How it is trained.</param>
internal sealed record SweepTrial(string Name, IReadOnlyList<string> Values, TrainSettings Settings);

/// <summary>What a sweep is: the file <c>sweep.json</c>. Every process that works on it writes the same bytes.</summary>
/// <param name="Grid">What varies.</param>
/// <param name="Arguments">What does not, as it stands on the command line.</param>
/// <param name="Origin">Program and kind of machine that all of its results come from.</param>
/// <param name="Sha256">The SHA-256 of each file of the data.</param>
/// <param name="Pictures">How pictures were made images; null where there were none.</param>
/// <param name="Init">The SHA-256 of the file with the initial weights; null without one.</param>
internal sealed record SweepInfo(
    IReadOnlyList<GridParameter> Grid,
    IReadOnlyList<string> Arguments,
    Origin Origin,
    IReadOnlyDictionary<string, string> Sha256,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ImageSettings? Pictures = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Init = null)
{
    /// <summary>Creates the record of a sweep on a data set, with the file of its initial weights or null.</summary>
    public static SweepInfo Of(Grid grid, IReadOnlyList<string> arguments, Origin origin, DataSet data, string? init)
    {
        var sha256 = init is null ? null : Convert.ToHexStringLower(SHA256.HashData(InputFile.ReadAllBytes(init)));
        return new(grid.Parameters, arguments, origin, data.Sha256, data.Pictures, sha256);
    }

    /// <summary>The same as it stands on a command line, to say what differs.</summary>
    [JsonIgnore]
    public object InWords => new
    {
        Grid = string.Join(' ', Grid.Select(parameter => $"{parameter.Name}={string.Join(',', parameter.Values)}")),
        Arguments = string.Join(' ', Arguments),
        Origin,
        Sha256,
        Pictures,
        Init,
    };
}

/// <summary>
/// A sweep in its folder: <c>sweep.json</c> says what it is, and each trial is a run in a folder of its own below, of which record,
/// metrics and best weights stay. The runs alone say what is done, so several processes can work on it, here or on other machines.
/// </summary>
internal sealed class Sweep
{
    /// <summary>The name of the file that says what the sweep is.</summary>
    public const string InfoFile = "sweep.json";

    private readonly Dictionary<SweepTrial, SweepResult> finished = [];
    private readonly string? init;
    private SweepInfo? saved;

    /// <param name="folder">Where it is, or shall be.</param>
    /// <param name="grid">What varies.</param>
    /// <param name="trials">All trainings.</param>
    /// <param name="init">The file with weights that all start from, or null.</param>
    public Sweep(string folder, Grid grid, IReadOnlyList<SweepTrial> trials, string? init = null)
    {
        Folder = Path.GetFullPath(folder);
        Grid = grid;
        Trials = trials;
        this.init = init;
    }

    /// <summary>Where it is.</summary>
    public string Folder { get; }

    /// <summary>What varies.</summary>
    public Grid Grid { get; }

    /// <summary>All trainings.</summary>
    public IReadOnlyList<SweepTrial> Trials { get; }

    /// <summary>Makes the folder, or goes on with the same sweep there.</summary>
    /// <param name="info">What the sweep is.</param>
    /// <exception cref="IOException">The folder cannot be written, or holds something else or another sweep.</exception>
    /// <exception cref="InvalidDataException">Its <c>sweep.json</c> is damaged.</exception>
    public void Begin(SweepInfo info)
    {
        var path = Path.Combine(Folder, InfoFile);
        if (!File.Exists(path))
        {
            // The file itself may be there by now, or be about to: other parts begin too.
            if (Directory.Exists(Folder) && Directory.EnumerateFileSystemEntries(Folder).Any(entry => !Path.GetFileName(entry).StartsWith(InfoFile, StringComparison.Ordinal)) && !File.Exists(path))
                throw new IOException($"{Folder} is not empty, and not a sweep's.").With(Remedy.ChooseFolder);
            Directory.CreateDirectory(Folder);
            AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(info, JsonFormat.Indented))));
        }

        // That of another sweep may have come there just now, too.
        if (JsonFormat.Differences(Read(Folder).InWords, info.InWords) is { Length: > 0 } differences)
            throw new IOException($"{Folder} holds another sweep: {string.Join("; ", differences)}.").With(Remedy.ChooseFolder);
    }

    /// <summary>Finds out before the first training whether one of them cannot be begun.</summary>
    /// <param name="trials">The trainings that are to be done.</param>
    /// <param name="data">The data that a trial is trained on.</param>
    /// <exception cref="UserException">One cannot be trained so.</exception>
    /// <exception cref="IOException">The weights to start from cannot be read.</exception>
    /// <exception cref="InvalidDataException">They are not the network's.</exception>
    public void EnsureTrainable(IReadOnlyList<SweepTrial> trials, Func<SweepTrial, DataSet> data)
    {
        foreach (var trial in trials.DistinctBy(trial => (
            trial.Settings.Architecture, trial.Settings.BatchSize, trial.Settings.Validation, trial.Settings.TrainLimit, trial.Settings.TestLimit, trial.Settings.Freeze)))
        {
            try
            {
                using var trainer = Trainer.Create(trial.Settings, data(trial), CPU);
                if (init is not null)
                    InitialWeights.CopyInto(trainer.Model, trial.Settings.Architecture, init, data(trial).ClassNames);
            }
            catch (UserException error)
            {
                throw new UserException($"{trial.Name} cannot be trained: {error.Message}", error);
            }
        }
    }

    /// <summary>Reads what the sweep in a folder is.</summary>
    /// <exception cref="IOException">There is none, or it cannot be read.</exception>
    /// <exception cref="InvalidDataException">Its <c>sweep.json</c> is damaged.</exception>
    public static SweepInfo Read(string folder)
    {
        var path = Path.Combine(Path.GetFullPath(folder), InfoFile);
        return JsonFormat.Parse<SweepInfo>(InputFile.ReadAllText(path), path);
    }

    /// <summary>Whether a trial has come to its end, or diverged; then only its results stay.</summary>
    /// <exception cref="IOException">Its folder holds another training, or cannot be read.</exception>
    /// <exception cref="InvalidDataException">Its record is damaged.</exception>
    public bool IsDone(SweepTrial trial)
    {
        if (ReadInfo(trial) is not { } info || !IsOver(info))
            return false;
        RunFolder.DeleteResumeFiles(FolderOf(trial));
        return true;
    }

    /// <summary>Trains a network to its end, or goes on where its training was stopped. One that diverges ends too, and its record says so.</summary>
    /// <param name="trial">What to train.</param>
    /// <param name="data">What on.</param>
    /// <param name="device">Where.</param>
    /// <param name="progress">Is told which share of it is done, from 0 to 1.</param>
    /// <param name="cancellation">Ends it, with a checkpoint.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="IOException">Its folder can no longer be written, or is in use.</exception>
    /// <exception cref="UserException">It cannot be trained so.</exception>
    public void Train(SweepTrial trial, DataSet data, Device device, Action<double> progress, CancellationToken cancellation)
    {
        using (var run = TrainingRun.StartOrResume(trial.Settings, data, device, FolderOf(trial), init))
        {
            try
            {
                if (!run.Train([new ProgressCallback(trial.Settings.Epochs, progress)], cancellation))
                    throw new OperationCanceledException(cancellation);
            }
            catch (DivergenceException)
            {
                // That is a result too.
            }
        }

        RunFolder.DeleteResumeFiles(FolderOf(trial));
    }

    /// <summary>What came out of the trials that are over, in their order.</summary>
    /// <exception cref="IOException">A record cannot be read, or is of another training.</exception>
    /// <exception cref="InvalidDataException">One is damaged.</exception>
    public IReadOnlyList<SweepResult> Gather()
    {
        List<SweepResult> results = [];
        foreach (var trial in Trials)
        {
            if (finished.TryGetValue(trial, out var known))
                results.Add(known);
            else if (ReadInfo(trial) is { } info && IsOver(info))
                results.Add(finished[trial] = info.Status == RunStatus.Finished
                    ? SweepResult.Of(trial, RunRecord.Read(FolderOf(trial)))
                    : new SweepResult(trial, info.Error ?? "", [], null, info.Parameters, 0));
        }

        return results;
    }

    private static bool IsOver(RunInfo info) => info.Status is RunStatus.Finished or RunStatus.Diverged;

    private string FolderOf(SweepTrial trial) => Path.Combine(Folder, trial.Name);

    private RunInfo? ReadInfo(SweepTrial trial)
    {
        var path = Path.Combine(FolderOf(trial), RunFolder.InfoFile);
        if (!File.Exists(path))
            return null;
        saved ??= Read(Folder);
        var run = RunInfo.Read(path);
        var differences = JsonFormat.Differences(
            new { run.Settings, Origin = Origin.Of(run.Versions, run.Device), run.Data.Sha256, run.Data.Pictures },
            new { trial.Settings, saved.Origin, saved.Sha256, saved.Pictures });
        return differences.Length > 0
            ? throw new IOException($"{FolderOf(trial)} holds another run: {string.Join("; ", differences)}.")
            : run;
    }
}
