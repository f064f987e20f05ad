using MnistCnn.Files;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>Contents of a run folder, during the run or after it.</summary>
/// <param name="Name">Name of the folder.</param>
/// <param name="Info">Contents of <c>run.json</c>; null if there is none.</param>
/// <param name="Epochs">Contents of <c>metrics.jsonl</c>.</param>
internal sealed record RunRecord(string Name, RunInfo? Info, IReadOnlyList<EpochMetrics> Epochs)
{
    /// <summary>Reads run folders, even without a finished epoch. Equal names get parent folders in front: <c>a/seed-1</c>.</summary>
    public static RunRecord[] ReadAll(IReadOnlyList<string> paths)
    {
        string[][] all =
            [.. paths.Select(path => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)).Split(Path.DirectorySeparatorChar))];
        return [.. paths.Zip(all, (path, folders) => Read(path, needsEpoch: false) with { Name = NameOf(folders) })];

        // The shortest end of the path that no other path has.
        string NameOf(string[] folders)
        {
            var count = 1;
            while (all.Any(other => other.TakeLast(count).SequenceEqual(folders.TakeLast(count)) && !other.SequenceEqual(folders)))
                count++;
            return string.Join('/', folders.TakeLast(count));
        }
    }

    /// <summary>Returns the run folders in <c>runs</c>.</summary>
    public static IEnumerable<string> FindAll() => Directory.Exists("runs")
        ? Directory.EnumerateDirectories("runs")
            .Where(path => File.Exists(Path.Combine(path, RunFolder.MetricsFile)) && !path.Any(char.IsControl)).Order()
        : [];

    /// <param name="needsEpoch">Whether a run without a finished epoch is an error.</param>
    public static RunRecord Read(string path, bool needsEpoch = true)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(path))
            throw new IOException($"{path} is a file; a run is a folder.");
        var (infoPath, metricsPath) = (Path.Combine(path, RunFolder.InfoFile), Path.Combine(path, RunFolder.MetricsFile));
        var info = File.Exists(infoPath) ? RunFolder.ReadInfo(path) : null;
        if (new FileInfo(metricsPath) is not { Exists: true, Length: > 0 })
            return info is not null && !needsEpoch
                ? new RunRecord(Path.GetFileName(path), info, [])
                : throw new FileNotFoundException(
                    $"{path} holds no finished epoch of a run: its {RunFolder.MetricsFile} is missing or empty.");

        // A program that appends to the file, as tests/reference/article.py, may be in the middle of its last line.
        var text = InputFile.ReadAllText(metricsPath);
        var lines = text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        EpochMetrics[] epochs = [.. lines.Select(line => JsonFormat.Parse<EpochMetrics>(line, metricsPath))];
        if (epochs.Length == 0)
            throw new InvalidDataException($"{metricsPath} holds no finished epoch.");
        return new RunRecord(Path.GetFileName(path), info, epochs);
    }
}
