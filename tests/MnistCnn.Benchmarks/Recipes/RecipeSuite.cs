using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Jobs;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Benchmarks.Recipes;

/// <summary>
/// Trainings of a plan in a folder. Each has a run folder with its result in <c>row.json</c>; <c>results.csv</c> has the results of all
/// plans of the folder. A recipe whose settings have changed is trained again.
/// </summary>
internal sealed class RecipeSuite(string folder, IReadOnlyList<RecipeTrial> trials, RecipeInputs inputs)
    : JobFolder<RecipeTrial, RecipeRow>(folder, trials)
{
    private const string RowFile = "row.json";

    protected override string Kind => "suite";

    /// <summary>Reads the results of all plans in a folder.</summary>
    public static RecipeRow[] ReadAll(string folder) => Directory.Exists(folder)
        ? [.. Directory.GetFiles(folder, RowFile, SearchOption.AllDirectories).Select(Read)]
        : [];

    /// <summary>Runs the trainings without a result.</summary>
    public void Train(Workers? workers, Action<JobProgress> report, CancellationToken cancellation) =>
        Run(Jobs, workers, report, cancellation);

    /// <summary>Deletes the results of the plan.</summary>
    public void Reset()
    {
        foreach (var trial in Jobs.Where(trial => Directory.Exists(FolderOf(trial))))
            Directory.Delete(FolderOf(trial), recursive: true);
    }

    protected override RecipeRow Do(RecipeTrial job, Action<double> report, CancellationToken cancellation)
    {
        var path = FolderOf(job);
        if (HoldsOtherRun(path, job.Settings))
        {
            FolderLock.Acquire(path).Dispose(); // fails if another process still trains there
            Directory.Delete(path, recursive: true);
        }

        var request = new TrainingRequest(job.Settings, inputs.Load(job), CPU) { Folder = path };
        TrainingRun.TrainToEnd(request, report, cancellation).Dispose();
        return Save(job, hasDiverged: false);
    }

    protected override RecipeRow CreateDiverged(RecipeTrial job, string error) => Save(job, hasDiverged: true);

    protected override RecipeRow? ReadResult(RecipeTrial job)
    {
        var path = Path.Combine(FolderOf(job), RowFile);
        return File.Exists(path) && Read(path) is var row && row.Settings == job.Fingerprint ? row : null;
    }

    protected override void OnResult() => RecipeRow.WriteCsv(Path.Combine(Folder, "results.csv"), ReadAll(Folder));

    private static RecipeRow Read(string path) => JsonFormat.Parse<RecipeRow>(File.ReadAllText(path), path);

    private static bool HoldsOtherRun(string path, TrainSettings settings)
    {
        var info = Path.Combine(path, RunFolder.InfoFile);
        try
        {
            return File.Exists(info) && JsonFormat.Differences(RunInfo.Read(info).Settings, settings).Length > 0;
        }
        catch (InvalidDataException) // of a program with other settings
        {
            return true;
        }
    }

    // Only the numbers are kept: the weights of hundreds of trainings would take gigabytes.
    private RecipeRow Save(RecipeTrial job, bool hasDiverged)
    {
        var path = FolderOf(job);
        var row = RecipeRow.Create(job, RunRecord.Read(path, needsEpoch: false).Epochs, hasDiverged);
        AtomicFile.WriteText(Path.Combine(path, RowFile), JsonSerializer.Serialize(row, JsonFormat.Indented));
        File.Delete(Path.Combine(path, RunFolder.BestFile));
        return row;
    }
}

/// <summary>Data of the trainings. Only one data set is in memory at a time.</summary>
/// <param name="folderOf">Returns the folder of a prepared set.</param>
internal sealed class RecipeInputs(Func<SuiteSet, string> folderOf) : IDisposable
{
    private (string Set, int? Train, int? Test)? current;
    private DataSet? loaded;

    /// <summary>Returns the images of a training. They stay valid until the next call.</summary>
    /// <exception cref="InvalidDataException">The set has another number of training images than the suite expects.</exception>
    public DataSet Load(RecipeTrial trial)
    {
        var (set, settings) = (trial.Set, trial.Settings);
        if (current == (set.Name, settings.TrainLimit, settings.TestLimit))
            return loaded!;
        Dispose();
        loaded = DataReader.Load(folderOf(set), set.ImageSettings, settings.TrainLimit, settings.TestLimit);
        if (loaded.Report.TrainImages != set.TrainImages)
            throw new InvalidDataException($"{loaded.Folder} has {loaded.Report.TrainImages} training images, not {set.TrainImages}.");
        current = (set.Name, settings.TrainLimit, settings.TestLimit);
        return loaded;
    }

    public void Dispose()
    {
        loaded?.Dispose();
        (loaded, current) = (null, null);
    }
}
