using MnistCnn.Files;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>A run folder that is read, whether its run is over or not.</summary>
/// <param name="Name">The folder's name.</param>
/// <param name="Info">What its <c>run.json</c> says, or null where there is none.</param>
/// <param name="Epochs">What its <c>metrics.jsonl</c> says, at least one epoch.</param>
internal sealed record RunRecord(string Name, RunInfo? Info, IReadOnlyList<EpochMetrics> Epochs)
{
    /// <summary>
    /// Reads run folders. Runs whose folders have the same name get those of the folders around them too: <c>a/seed-1</c>, <c>b/seed-1</c>.
    /// </summary>
    /// <exception cref="IOException">A folder or its metrics are missing.</exception>
    /// <exception cref="InvalidDataException">A file is not one of a run.</exception>
    public static RunRecord[] ReadAll(IReadOnlyList<string> paths)
    {
        string[][] all =
            [.. paths.Select(path => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)).Split(Path.DirectorySeparatorChar))];
        return [.. paths.Zip(all, (path, folders) => Read(path) with { Name = NameOf(folders) })];

        // The last folders of the path, as many as it takes to tell it from the others.
        string NameOf(string[] folders)
        {
            var count = 1;
            while (all.Any(other => other.TakeLast(count).SequenceEqual(folders.TakeLast(count)) && !other.SequenceEqual(folders)))
                count++;
            return string.Join('/', folders.TakeLast(count));
        }
    }

    /// <summary>Reads a run folder.</summary>
    /// <exception cref="IOException">The folder or its metrics are missing.</exception>
    /// <exception cref="InvalidDataException">One of its files is not one of a run.</exception>
    public static RunRecord Read(string path)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(path))
            throw new IOException($"{path} is a file; a run is a folder.");
        var (infoPath, metricsPath) = (Path.Combine(path, RunFolder.InfoFile), Path.Combine(path, RunFolder.MetricsFile));
        if (new FileInfo(metricsPath) is not { Exists: true, Length: > 0 })
            throw new FileNotFoundException($"{path} holds no finished epoch of a run: its {RunFolder.MetricsFile} is missing or empty.");

        // Version 0.1 and tests/reference/article.py append to the file: they may be in the middle of its last line.
        var text = InputFile.ReadAllText(metricsPath);
        var lines = text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var epochs = lines.Select(line => JsonFormat.Parse<EpochMetrics>(line, metricsPath)).ToArray();
        if (epochs.Length == 0)
            throw new InvalidDataException($"{metricsPath} holds no finished epoch.");
        if (epochs.Select((epoch, index) => epoch.Problem(index + 1)).FirstOrDefault(problem => problem is not null) is { } problem)
            throw new InvalidDataException($"{metricsPath} is damaged: {problem}.");
        var info = File.Exists(infoPath) ? RunInfo.Read(infoPath) : null;
        return new RunRecord(Path.GetFileName(path), info, epochs);
    }
}
