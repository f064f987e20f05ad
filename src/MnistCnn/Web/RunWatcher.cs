using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>Reads the run folders in a folder. Trainers that write there are not disturbed.</summary>
/// <param name="folder">Contains one folder per run; need not exist yet.</param>
/// <param name="pause">Seconds between two scans of the folder.</param>
internal sealed class RunWatcher(string folder, double pause = 0.5)
{
    private const string ModelPrefix = "run:";
    private const int ScansPerKeepAlive = 30;

    /// <summary>Returns the path of the best weights of <c>run:NAME</c>, or null if there is no such run. The file may not exist.</summary>
    public string? FindWeights(string id) => id.StartsWith(ModelPrefix, StringComparison.Ordinal)
        && RunPaths().FirstOrDefault(run => Path.GetFileName(run) == id[ModelPrefix.Length..]) is { } run
            ? Path.Combine(run, RunFolder.BestFile)
            : null;

    /// <summary>Reads all runs, the latest first.</summary>
    public RunList Read() => new(folder, [.. RunPaths().Select(Read).OrderByDescending(run => run.Started)]);

    /// <summary>
    /// Streams every run (<c>run</c>), then each run that changes, and the name of each deleted run (<c>gone</c>). A periodic keep-alive
    /// (<c>alive</c>) detects closed connections; the first one opens the stream.
    /// </summary>
    public async IAsyncEnumerable<SseItem<object>> Watch([EnumeratorCancellation] CancellationToken stop)
    {
        var known = new Dictionary<string, (string Files, bool IsHeld, RunStatus? Status)>();
        for (var scans = 0; ; scans++)
        {
            if (scans % ScansPerKeepAlive == 0)
                yield return new SseItem<object>(new { }, "alive");
            var runs = RunPaths();
            foreach (var run in runs)
            {
                var (before, now) = (known.GetValueOrDefault(run), (Files: StateOf(run), IsHeld: FolderLock.IsHeld(run)));
                var isOpen = before.Status is RunStatus.Running or RunStatus.Interrupted;
                var hasChanged = before.Files != now.Files || isOpen && before.IsHeld != now.IsHeld;
                var summary = hasChanged ? Read(run) : null;
                known[run] = (now.Files, now.IsHeld, hasChanged ? summary!.Status : before.Status);
                if (hasChanged)
                    yield return new SseItem<object>(summary!, "run");
            }

            foreach (var run in known.Keys.Except(runs).ToArray())
            {
                known.Remove(run);
                yield return new SseItem<object>(new { name = Path.GetFileName(run) }, "gone");
            }

            await Task.Delay(TimeSpan.FromSeconds(pause), stop);
        }
    }

    /// <summary>Returns the reason why the folder cannot be read; null if it can be read or does not exist yet.</summary>
    public string? FindProblem() =>
        FileErrors.Catch(() => Directory.GetDirectories(folder)) is { } error and not DirectoryNotFoundException
            ? ErrorText.Line(error)
            : null;

    // None if the folder cannot be read.
    private string[] RunPaths()
    {
        string[] runs = [];
        FileErrors.Try(() => runs = Directory.GetDirectories(folder));
        return [.. runs.Where(run => File.Exists(Path.Combine(run, RunFolder.InfoFile)))];
    }

    private static RunSummary Read(string run)
    {
        var name = Path.GetFileName(run);
        try
        {
            var saved = RunRecord.Read(run, needsEpoch: false);
            var settings = saved.Info?.Settings;
            var hasModel = Architecture.Find(settings?.Architecture.Name) is not null && File.Exists(Path.Combine(run, RunFolder.BestFile));
            return new RunSummary(
                name, saved.Epochs, Model: hasModel ? ModelPrefix + name : null,
                settings?.Architecture.Name, settings?.Seed, settings?.BatchSize, settings?.LearningRate,
                saved.Info?.Status, saved.Info?.Error, saved.Info?.Started, saved.Info?.Data.Folder, settings?.Epochs);
        }
        catch (Exception error) when (FileErrors.Is(error))
        {
            return new RunSummary(name, [], Problem: ErrorText.Line(error));
        }
    }

    // Changes whenever the trainer has written one of its files.
    private static string StateOf(string run) => string.Join(' ', new[] { RunFolder.InfoFile, RunFolder.MetricsFile, RunFolder.BestFile }
        .Select(name => new FileInfo(Path.Combine(run, name)))
        .Select(file => file.Exists ? $"{file.LastWriteTimeUtc.Ticks}/{file.Length}" : "-"));
}
