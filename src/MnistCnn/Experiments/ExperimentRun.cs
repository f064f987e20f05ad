using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using MnistCnn.Charts;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Experiments;

/// <summary>
/// An experiment in its folder: <c>experiment.json</c> says what it is, <c>trials.jsonl</c> has a line a finished trial with its rows,
/// and each trial's training is a run in a folder below. Whatever ended it, it goes on from there.
/// </summary>
internal sealed partial class ExperimentRun : IDisposable
{
    /// <summary>The outcome of an experiment that is not over.</summary>
    public const string Running = "running";

    /// <summary>The name of the file with all rows, which whoever is told of a trial writes.</summary>
    public const string MeasurementsFile = "measurements.csv";

    /// <summary>The name of the file with the plot, which whoever is told of a trial draws.</summary>
    public const string PlotFile = "plot.png";

    /// <summary>The outcome of an experiment that came to its end.</summary>
    public const string Finished = "finished";

    /// <summary>Name of the file with the record of an experiment.</summary>
    public const string InfoFile = "experiment.json";

    /// <summary>The name of the file with a line a finished trial.</summary>
    public const string TrialsFile = "trials.jsonl";

    private readonly Experiment experiment;
    private readonly IReadOnlyList<Trial> trials;
    private readonly DataSet data;
    private readonly Device device;
    private readonly FolderLock folderLock;
    private readonly List<FinishedTrial> finished = [];
    private ExperimentInfo info;
    private double secondsBefore;

    private ExperimentRun(Experiment experiment, IReadOnlyList<Trial> trials, DataSet data, Device device, FolderLock folderLock, ExperimentInfo info)
    {
        this.experiment = experiment;
        this.trials = trials;
        this.data = data;
        this.device = device;
        this.folderLock = folderLock;
        this.info = info;
    }

    /// <summary>Where the results are.</summary>
    public string Folder => folderLock.Folder;

    /// <summary>What stands in <c>experiment.json</c>.</summary>
    public ExperimentInfo Info => info;

    /// <summary>What was measured until now, in the order of the trials.</summary>
    public IReadOnlyList<JsonElement> Rows => [.. finished.SelectMany(trial => trial.Rows)];

    /// <summary>What came out until now.</summary>
    public ExperimentResults ExperimentResults => Conclude(experiment, finished);

    /// <summary>The paths of the files in its folder.</summary>
    public IReadOnlyList<string> Files => FilesIn(Folder);

    /// <summary>Begins an experiment, or goes on with the one in the folder.</summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="settings">How large it is.</param>
    /// <param name="data">What to train and test on.</param>
    /// <param name="device">Where.</param>
    /// <param name="folder">Where the results go, or null for the next free name <c>runs/NAME-TIME</c>.</param>
    /// <param name="mayBeFinished">Whether the one in the folder may be finished; then there is nothing left to measure.</param>
    /// <exception cref="IOException">The folder cannot be written, is in use, or holds another experiment, or one that is finished and may not be.</exception>
    /// <exception cref="InvalidDataException">A file in it is damaged.</exception>
    /// <exception cref="UserException">The experiment's networks do not take the images.</exception>
    public static ExperimentRun Open(Experiment experiment, ExperimentSettings settings, DataSet data, Device device, string? folder, bool mayBeFinished = false)
    {
        Trial[] trials = [.. experiment.Trials(settings, TrainableModel.ShapeOf(data))];
        var info = new ExperimentInfo(
            experiment.Name, experiment.Claim, settings, device.ToString(), get_num_threads(), Versions.All, RunData.Of(data), DateTimeOffset.Now);
        var folderLock = folder is null ? FolderLock.TakeNew(experiment.Name, info.Started) : FolderLock.Take(folder);
        try
        {
            var run = new ExperimentRun(experiment, trials, data, device, folderLock, info);
            run.LoadSaved(mayBeFinished);
            return run;
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
    }

    /// <summary>Reads the results in an experiment's folder, without its data; null if no experiment was started there.</summary>
    /// <exception cref="IOException">A file in it cannot be read.</exception>
    /// <exception cref="InvalidDataException">A file in it is damaged.</exception>
    public static ExperimentStatus? Read(Experiment experiment, string folder)
    {
        var path = Path.Combine(folder, InfoFile);
        if (!File.Exists(path))
            return null;
        var info = JsonFormat.Parse<ExperimentInfo>(InputFile.ReadAllText(path), path);
        return new ExperimentStatus(experiment, info, Conclude(experiment, ReadTrials(folder)), FilesIn(folder));
    }

    /// <summary>Whether a checkpoint is of a training inside an experiment.</summary>
    /// <remarks>Where that is finished, it left no checkpoint: then a checkpoint below it is somebody else's.</remarks>
    public static bool Owns(string checkpointPath)
    {
        if (Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(checkpointPath))) is not { } parent)
            return false;
        var path = Path.Combine(parent, InfoFile);
        return File.Exists(path) && !JsonFormat.Parse<ExperimentInfo>(InputFile.ReadAllText(path), path).IsFinished;
    }

    /// <summary>Measures one trial after the other.</summary>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="onTrial">Is told when a trial is done, before that is noted; it is given what the trial wants to be drawn.</param>
    /// <param name="cancellation">Ends the experiment.</param>
    /// <returns>Whether it came to its end.</returns>
    /// <exception cref="IOException">The folder can no longer be written.</exception>
    /// <exception cref="UserException">All trainings diverged.</exception>
    public bool Measure(Action<ExperimentProgress> progress, Action<IReadOnlyList<ImageGrid>> onTrial, CancellationToken cancellation)
    {
        try
        {
            Save(Running);
            MeasureAll(progress, onTrial, cancellation);
            Save(Finished);
            return true;
        }
        catch (Exception error) when (error is OperationCanceledException or IOException && cancellation.IsCancellationRequested)
        {
            Save("stopped");
            return false;
        }
        catch (Exception error)
        {
            try
            {
                Save($"failed: {error.Message}");
            }
            catch (Exception second) when (second is IOException or UnauthorizedAccessException)
            {
                // The first is what the user has to know, and may be the same.
            }

            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => folderLock.Dispose();

    private void MeasureAll(Action<ExperimentProgress> progress, Action<IReadOnlyList<ImageGrid>> onTrial, CancellationToken cancellation)
    {
        var (total, before) = (trials.Sum(trial => trial.Work), 0.0);
        if (finished.Count > 0)
            onTrial([]);
        foreach (var (index, trial) in trials.Index())
        {
            var folder = Path.Combine(Folder, Letters().Replace(trial.Name.ToLowerInvariant(), "-"));
            if (finished.All(done => done.Name != trial.Name))
            {
                cancellation.ThrowIfCancellationRequested();
                Tell(0);
                var context = new TrialContext(info.Settings, data, device, folder, share => Tell(share), cancellation);
                finished.Add(Measure(trial, context));
                onTrial(context.Images);
                foreach (var picture in context.Images)
                    picture.Dispose();
                Write(TrialsFile, string.Concat(finished.Select(done => JsonSerializer.Serialize(done, JsonFormat.Line) + "\n")));
                Tell(1, isDone: true);
            }

            RunFolder.DeleteResumeFiles(folder);
            before += trial.Work;

            void Tell(double share, bool isDone = false) =>
                progress(new ExperimentProgress(index + 1, trials.Count, trial.Name, (before + share * trial.Work) / total, isDone));
        }

        if (Rows.Count == 0)
            throw new UserException($"No training came to its end. The first: {ExperimentResults.Diverged[0]}");
    }

    // A training that diverges is a result, as in a sweep: it has no rows, and the others go on.
    private static FinishedTrial Measure(Trial trial, TrialContext context)
    {
        try
        {
            var rows = trial.Measure(context);
            return new FinishedTrial(trial.Name, [.. rows.Select(row => JsonSerializer.SerializeToElement(row, JsonFormat.Line))]);
        }
        catch (DivergenceException error)
        {
            return new FinishedTrial(trial.Name, [], error.Message);
        }
    }

    private void LoadSaved(bool mayBeFinished)
    {
        foreach (var name in new[] { InfoFile, TrialsFile, MeasurementsFile, PlotFile })
            AtomicFile.DeleteLeftovers(Path.Combine(Folder, name));
        var infoPath = Path.Combine(Folder, InfoFile);
        if (!File.Exists(infoPath))
        {
            // What is not an experiment's is not to be mixed with it, nor deleted as one of its unfinished trials.
            if (Directory.EnumerateFileSystemEntries(Folder).Any(entry => !FolderLock.IsLock(entry)))
                throw new IOException($"{Folder} is not empty, and not an experiment's.").With(Remedy.ChooseFolder);
            return;
        }

        var saved = JsonFormat.Parse<ExperimentInfo>(InputFile.ReadAllText(infoPath), infoPath);
        if (saved.IsFinished && !mayBeFinished)
            throw new IOException($"{Folder} holds an experiment already.").With(Remedy.ChooseFolder);

        // A finished experiment gets no more results, so it may come from another version or machine.
        var differences = JsonFormat.Differences(
            new { saved.Experiment, saved.Settings, Data = saved.Data with { Folder = "" }, saved.Origin, saved.Threads },
            new
            {
                info.Experiment,
                info.Settings,
                Data = info.Data with { Folder = "" },
                Origin = saved.IsFinished ? saved.Origin : info.Origin,
                Threads = saved.IsFinished ? saved.Threads : info.Threads, // times depend on it, and last digits
            });
        if (differences.Length > 0)
            throw new IOException($"{Folder} holds another experiment: {string.Join("; ", differences)}.").With(Remedy.ChooseFolder);

        finished.AddRange(ReadTrials(Folder));
        var names = trials.Select(trial => trial.Name).ToHashSet();
        if (finished.Find(done => (done.Rows.Count == 0) != (done.Diverged is not null) || !names.Contains(done.Name)) is { } strange)
            throw new InvalidDataException(
                $"{Path.Combine(Folder, TrialsFile)} is damaged: it has no rows of '{strange.Name}', or that is not a trial. "
                + "Delete the file to measure anew.");
        _ = ExperimentResults; // which reads every row
        secondsBefore = saved.Seconds ?? 0;
        if (saved.IsFinished)
            info = saved;
    }

    private static IEnumerable<FinishedTrial> ReadTrials(string folder)
    {
        var path = Path.Combine(folder, TrialsFile);
        var lines = File.Exists(path) ? InputFile.ReadAllText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];
        return lines.Select(line => JsonFormat.Parse<FinishedTrial>(line, path));
    }

    private static ExperimentResults Conclude(Experiment experiment, IEnumerable<FinishedTrial> trials)
    {
        var results = experiment.Conclude([.. trials.SelectMany(trial => trial.Rows)]);
        string[] diverged = [.. from trial in trials where trial.Diverged is not null select $"{trial.Name}, diverged: {trial.Diverged}"];
        return results with { Diverged = diverged, Verdict = results.Verdict with { Diverged = diverged.Length } };
    }

    private static string[] FilesIn(string folder) =>
        [.. Directory.GetFiles(folder).Where(file => !FolderLock.IsLock(file)).Order(StringComparer.Ordinal)];

    private void Save(string outcome)
    {
        var seconds = secondsBefore + (DateTimeOffset.Now - info.Started).TotalSeconds;
        info = info with
        {
            Outcome = outcome,
            Seconds = outcome == Running && secondsBefore == 0 ? null : seconds,
            Verdict = ExperimentResults.Verdict,
        };
        Write(InfoFile, JsonSerializer.Serialize(info, JsonFormat.Indented));
    }

    private void Write(string name, string text) => AtomicFile.Write(Path.Combine(Folder, name), stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex Letters();

    // A line of trials.jsonl. A diverged training has no rows.
    private sealed record FinishedTrial(
        string Name,
        IReadOnlyList<JsonElement> Rows,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Diverged = null);
}

/// <summary>
/// What an experiment was: the file <c>experiment.json</c>. <c>Started</c> is the time of its last start, <c>Seconds</c> the sum over all
/// starts that were not killed. <c>Verdict</c> is computed from the rows at the end; null in version 0.1.
/// </summary>
internal sealed record ExperimentInfo(
    string Experiment,
    string Claim,
    ExperimentSettings Settings,
    string Device,
    int Threads,
    IReadOnlyDictionary<string, string> Versions,
    RunData Data,
    DateTimeOffset Started,
    double? Seconds = null,
    string Outcome = ExperimentRun.Running,
    Verdict? Verdict = null)
{
    /// <summary>Whether it came to its end.</summary>
    [JsonIgnore]
    public bool IsFinished => Outcome == ExperimentRun.Finished;

    /// <summary>Program and kind of machine that all of its results come from.</summary>
    [JsonIgnore]
    public Origin Origin => Origin.Of(Versions, Device);
}

/// <summary>How far an experiment is.</summary>
/// <param name="Trial">Which trial, from 1.</param>
/// <param name="Trials">How many there are.</param>
/// <param name="Name">What the trial is.</param>
/// <param name="Share">How much of all trials is done, from 0 to 1.</param>
/// <param name="IsDone">Whether this trial is done.</param>
internal readonly record struct ExperimentProgress(int Trial, int Trials, string Name, double Share, bool IsDone);
