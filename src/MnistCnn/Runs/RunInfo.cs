using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>Record of a run: the file <c>run.json</c>. docs/reference/files.md explains each field.</summary>
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

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Error { get; init; }

    public double? Seconds { get; init; }

    public long? PeakMemory { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long AuxiliaryParameters { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Replicas { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Processes { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? SecondsWaited { get; init; }

    public static RunInfo Read(string path) => JsonFormat.Parse<RunInfo>(InputFile.ReadAllText(path), path);
}

internal enum RunStatus
{
    Running,
    Finished,
    Stopped,
    Failed,
    Diverged,
    Interrupted,
}

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
