using MnistCnn.Files;
using MnistCnn.Jobs;
using MnistCnn.Runs;

namespace MnistCnn.Experiments;

/// <summary>Record of an experiment: the file <c>experiment.json</c>.</summary>
/// <param name="Threads">Threads of one operation on the CPU.</param>
/// <param name="Versions">Versions of the program, TorchSharp, libtorch, .NET and the operating system.</param>
/// <param name="Started">Time of the last start.</param>
internal sealed record ExperimentInfo(
    string Experiment, string Claim, ExperimentSettings Settings, string Device, int Threads, IReadOnlyDictionary<string, string> Versions,
    RunData Data, DateTimeOffset Started)
{
    public const string FileName = "experiment.json";

    [JsonRequired]
    public RunStatus Status { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Error { get; init; }

    /// <summary>Seconds over all starts that were not killed; null during the first.</summary>
    public double? Seconds { get; init; }

    /// <summary>Verdicts at the end of the last start.</summary>
    public IReadOnlyList<Verdict>? Verdicts { get; init; }

    [JsonIgnore]
    public Origin Origin => Origin.Of(Versions, Device, Threads);

    public static ExperimentInfo Create(Experiment experiment, ExperimentRequest request) => new(
        experiment.Name, experiment.Claim, request.Settings, $"{request.Device}", get_num_threads(), Runtime.Versions.All,
        RunData.Of(request.Data), DateTimeOffset.Now);

    /// <summary>Returns all that must be the same to continue an experiment.</summary>
    public object IdentityOf(Origin origin) => new { Experiment, Settings, Data = Data with { Folder = "" }, Origin = origin };

    /// <summary>Reads the record in a folder; null if there is none.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static ExperimentInfo? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return File.Exists(path) ? JsonFormat.Parse<ExperimentInfo>(InputFile.ReadAllText(path), path) : null;
    }

    /// <summary>Whether a checkpoint belongs to a trial of an unfinished experiment. Finished experiments keep no checkpoints.</summary>
    public static bool Owns(string checkpointPath) =>
        Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(checkpointPath))) is { } folder
        && Read(folder) is { Status: not RunStatus.Finished };
}

/// <summary>Size of an experiment.</summary>
/// <param name="Seeds">Number of seeds, from 1: each quantity is measured once per seed.</param>
/// <param name="TrainLimit">Number of training images, from the first.</param>
/// <param name="TestLimit">Number of test images, from the first; null for all.</param>
/// <param name="Recipe">Name of the recipe, see <see cref="Training.Recipe.All"/>.</param>
/// <param name="LearningRate">Learning rate; null for the recipe's.</param>
/// <param name="BatchSize">Batch size; null for the recipe's.</param>
/// <param name="Quick">Measures fewer networks.</param>
/// <param name="Deep">Measures deeper networks too, see <see cref="Experiment.HasDeeperNetworks"/>.</param>
/// <param name="Shortened">Adapts a recipe to few epochs: no augmentation, learning-rate milestones at 1/2 and 3/4 of the steps.</param>
internal sealed record ExperimentSettings(
    int Seeds, int Epochs, int TrainLimit, int? TestLimit = null, string Recipe = "article", double? LearningRate = null,
    int? BatchSize = null, bool Quick = false, bool Deep = false, bool Shortened = false);
