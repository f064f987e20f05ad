namespace MnistCnn.Training;

/// <summary>A run folder that is read, whether its run is over or not.</summary>
/// <param name="Name">The folder's name.</param>
/// <param name="Info">What its <c>run.json</c> says, or null where there is none.</param>
/// <param name="Epochs">What its <c>metrics.jsonl</c> says, at least one epoch.</param>
public sealed record SavedRun(string Name, RunInfo? Info, IReadOnlyList<EpochMetrics> Epochs)
{
    /// <summary>Reads a run folder.</summary>
    /// <exception cref="IOException">The folder or its metrics are missing.</exception>
    /// <exception cref="InvalidDataException">One of its files is none of a run's.</exception>
    public static SavedRun Read(string path)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var (infoPath, metricsPath) = (Path.Combine(path, RunFolder.InfoFile), Path.Combine(path, RunFolder.MetricsFile));
        if (!File.Exists(metricsPath))
            throw new FileNotFoundException($"{path} holds no finished epoch of a run: there is no {RunFolder.MetricsFile}.");

        // A running run may be in the middle of its last line.
        var text = File.ReadAllText(metricsPath);
        var lines = text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var epochs = lines.Select(line => JsonFormat.Parse<EpochMetrics>(line, metricsPath)).ToArray();
        if (epochs.Length == 0)
            throw new InvalidDataException($"{metricsPath} holds no finished epoch.");
        var info = File.Exists(infoPath) ? JsonFormat.Parse<RunInfo>(File.ReadAllText(infoPath), infoPath) : null;
        return new SavedRun(Path.GetFileName(path), info, epochs);
    }
}
