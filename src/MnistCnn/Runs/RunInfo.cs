using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>Record of a run: the file <c>run.json</c>.</summary>
/// <param name="Id">Distinguishes the run from all others; a resumed run keeps it.</param>
/// <param name="Parameters">Number of parameters, without auxiliary classifiers.</param>
/// <param name="Threads">Number of threads that one operation may use on the CPU.</param>
/// <param name="Started">Time of the start, or of the last resume.</param>
internal sealed record RunInfo(
    string Id,
    TrainSettings Settings,
    long Parameters,
    string Device,
    int Threads,
    IReadOnlyDictionary<string, string> Versions,
    RunData Data,
    DateTimeOffset Started)
{
    [JsonRequired]
    public RunStatus Status { get; init; }

    /// <summary>Error message of a run that failed or diverged.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Error { get; init; }

    /// <summary>Seconds from <see cref="Started"/> to the end; null during the run.</summary>
    public double? Seconds { get; init; }

    /// <summary>Peak memory of the process in bytes, since its start or the end of the run before; null during the run.</summary>
    public long? PeakMemory { get; init; }

    /// <summary>Number of parameters in auxiliary classifiers, which exist only during training.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long AuxiliaryParameters { get; init; }

    /// <summary>Number of model replicas per process, see <see cref="ParallelSettings"/>; null for one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Replicas { get; init; }

    /// <summary>Number of processes that trained the model together; null for one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Processes { get; init; }

    /// <summary>Seconds that rank 0 of several processes waited for the others; null for one process.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? SecondsWaited { get; init; }

    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static RunInfo Read(string path) => JsonFormat.Parse<RunInfo>(InputFile.ReadAllText(path), path);
}

/// <summary>
/// State of a run. A failed run may succeed at a second attempt; a diverged one would diverge again. An interrupted run was killed before
/// it could write another state than running.
/// </summary>
internal enum RunStatus
{
    Running,
    Finished,
    Stopped,
    Failed,
    Diverged,
    Interrupted,
}

/// <summary>Record of the data set of a run.</summary>
/// <param name="Sha256">SHA-256 by file name.</param>
/// <param name="ImageSettings">Preparation of the images; null for IDX and CIFAR files.</param>
/// <param name="Splits">Subfolder by split (train, validation, test); null for a set without such folders.</param>
internal sealed record RunData(
    string Folder,
    long TrainImages,
    long TestImages,
    IReadOnlyDictionary<string, string> Sha256,
    Normalization Normalization,
    IReadOnlyList<string> ClassNames,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ImageSettings? ImageSettings = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string>? Splits = null)
{
    /// <summary>Number of images in the folder of validation images; null without one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? ValidationImages { get; init; }

    public static RunData Of(DataSet data) => new(
        data.Folder,
        data.Train.Count,
        data.Test.Count,
        data.Sha256,
        data.Normalization,
        data.ClassNames,
        data.ImageSettings,
        data.Splits)
    {
        ValidationImages = data.Validation?.Count,
    };
}
