using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>The runs in a folder. It only reads; nothing is asked of a trainer that writes there.</summary>
/// <param name="folder">The folder that holds a folder for each run; it need not be there yet.</param>
/// <param name="pause">Time between two looks at the folder, in seconds.</param>
internal sealed class RunWatcher(string folder, double pause = 0.5)
{
    private const string ModelPrefix = "run:";
    private const int PausesBetweenSigns = 30;

    /// <summary>The file with the weights of a run's best epoch, by the id of its network; null where there is no such run.</summary>
    public string? ModelOf(string id) => id.StartsWith(ModelPrefix, StringComparison.Ordinal)
        ? Folders().Where(run => Path.GetFileName(run) == id[ModelPrefix.Length..]).Select(run => Path.Combine(run, RunFolder.BestFile)).FirstOrDefault()
        : null;

    /// <summary>All runs, the latest first.</summary>
    public RunFolders Read() => new(folder, [.. Folders().Select(Read).OrderByDescending(run => run.Started)]);

    /// <summary>
    /// Each run, and each again when it has changed, until it is stopped. From time to time a sign of life, so that it comes out when there
    /// is no page any more to send it to.
    /// </summary>
    public async IAsyncEnumerable<SseItem<object>> Watch([EnumeratorCancellation] CancellationToken stop)
    {
        var known = new Dictionary<string, string>();
        for (var pauses = 1; ; pauses++)
        {
            var now = Folders().ToDictionary(run => run, State);
            foreach (var (run, state) in now.Where(run => known.GetValueOrDefault(run.Key) != run.Value))
                yield return new SseItem<object>(Read(run), "run");
            foreach (var run in known.Keys.Except(now.Keys))
                yield return new SseItem<object>(new RunGone(Path.GetFileName(run)), "gone");
            if (pauses % PausesBetweenSigns == 0)
                yield return new SseItem<object>(new object(), "alive");
            known = now;
            await Task.Delay(TimeSpan.FromSeconds(pause), stop);
        }
    }

    private IEnumerable<string> Folders()
    {
        try
        {
            return [.. Directory.EnumerateDirectories(folder).Where(run => File.Exists(Path.Combine(run, RunFolder.InfoFile)))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static RunSummary Read(string run)
    {
        var (name, info, metrics) = (Path.GetFileName(run), Path.Combine(run, RunFolder.InfoFile), new FileInfo(Path.Combine(run, RunFolder.MetricsFile)));
        try
        {
            var saved = metrics is { Exists: true, Length: > 0 }
                ? RunRecord.Read(run)
                : new RunRecord(name, RunInfo.Read(info), []);
            if (saved.Info?.Settings.Problem() is { } problem)
                throw new InvalidDataException($"{info} is damaged: {problem}.");
            var isKnown = Architecture.Find(saved.Info?.Settings.Architecture) is not null;
            return new RunSummary(
                name, isKnown && File.Exists(Path.Combine(run, RunFolder.BestFile)) ? ModelPrefix + name : null,
                saved.Info?.Settings.Architecture,
                saved.Info?.Settings.Seed, saved.Info?.Settings.BatchSize, saved.Info?.Settings.LearningRate, saved.Info?.Status, saved.Info?.Error, saved.Info?.Started, saved.Info?.Data.Folder,
                saved.Info?.Settings.Epochs, saved.Epochs);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return new RunSummary(name, null, null, null, null, null, null, null, null, null, null, [], ErrorText.Line(error));
        }
    }

    // Changes whenever the trainer has written one of its files.
    private static string State(string run) => string.Join(' ', new[] { RunFolder.InfoFile, RunFolder.MetricsFile, RunFolder.BestFile }
        .Select(name => new FileInfo(Path.Combine(run, name))).Select(file => file.Exists ? $"{file.LastWriteTimeUtc.Ticks}/{file.Length}" : "-"));
}
