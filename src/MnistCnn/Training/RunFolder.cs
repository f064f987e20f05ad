using System.Text.Encodings.Web;
using System.Text.Json;

namespace MnistCnn.Training;

/// <summary>
/// The folder that a run leaves behind: <c>run.json</c> says what it was, <c>metrics.jsonl</c> has a line an epoch.
/// </summary>
public sealed class RunFolder : ITrainingObserver
{
    /// <summary>The name of the file that says what the run was: a <see cref="RunInfo"/>.</summary>
    public const string InfoFile = "run.json";

    /// <summary>The name of the file with a line an epoch: <see cref="EpochMetrics"/>.</summary>
    public const string MetricsFile = "metrics.jsonl";

    /// <summary>How the files of a run, and all other JSON of this program, are written.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonSerializerOptions OneLine = new(Json) { WriteIndented = false };

    private readonly List<EpochMetrics> epochs = [];

    private RunFolder(string path, RunInfo info)
    {
        FullPath = path;
        Info = info;
        if (File.Exists(InfoPath) || File.Exists(MetricsPath))
            throw new IOException($"{FullPath} holds a run already. Choose another folder with --out.");
        Save(overwrite: false);
    }

    /// <summary>Where it is.</summary>
    public string FullPath { get; }

    /// <summary>What stands in <c>run.json</c>.</summary>
    public RunInfo Info { get; private set; }

    /// <summary>What stands in <c>metrics.jsonl</c>.</summary>
    public IReadOnlyList<EpochMetrics> Epochs => epochs;

    /// <summary>The path of <c>run.json</c>.</summary>
    public string InfoPath => Path.Combine(FullPath, InfoFile);

    /// <summary>The path of <c>metrics.jsonl</c>.</summary>
    public string MetricsPath => Path.Combine(FullPath, MetricsFile);

    /// <summary>Makes the folder and writes <paramref name="info"/> into it.</summary>
    /// <param name="path">Where, or null for the next free name <c>runs/ARCHITECTURE-TIME</c>.</param>
    /// <param name="info">What the run is.</param>
    /// <exception cref="IOException">It cannot be written, or it holds a run already.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static RunFolder Create(string? path, RunInfo info)
    {
        path ??= FreeName(Path.Combine("runs", $"{info.Settings.Architecture}-{info.Started:yyyyMMdd-HHmmss}"));
        return new RunFolder(Path.GetFullPath(path), info);
    }

    /// <inheritdoc/>
    public void OnEpoch(EpochMetrics epoch)
    {
        epochs.Add(epoch);
        File.AppendAllText(MetricsPath, JsonSerializer.Serialize(epoch, OneLine) + "\n");
    }

    /// <summary>Writes into <c>run.json</c> how the run ended.</summary>
    /// <param name="outcome">See <see cref="RunInfo.Outcome"/>.</param>
    public void Finish(string outcome)
    {
        Info = Info with { Outcome = outcome, Seconds = (DateTimeOffset.Now - Info.Started).TotalSeconds };
        Save(overwrite: true);
    }

    private static string FreeName(string name) => Enumerable.Range(1, int.MaxValue)
        .Select(number => number == 1 ? name : $"{name}-{number}")
        .First(candidate => !Directory.Exists(candidate));

    private void Save(bool overwrite) =>
        AtomicFile.Write(InfoPath, stream => JsonSerializer.Serialize(stream, Info, Json), overwrite);
}
