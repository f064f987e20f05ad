using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>Loads models on request and reloads changed files. Only the thread of <see cref="InferenceQueue"/> uses it.</summary>
/// <param name="files">Weights files of the named models, by id. They stay loaded.</param>
/// <param name="architecture">Required architecture of the named models; null for any.</param>
internal sealed class ModelCache(
    Device device, IReadOnlyDictionary<string, string> files, Architecture? architecture, RunWatcher runs, DataSet data) : IDisposable
{
    private const int MostRunModels = 4;

    // File systems round the time of a write, some to two seconds, so two writes within this time may have the same.
    private static readonly TimeSpan ClockResolution = TimeSpan.FromSeconds(0.1), CoarseClockResolution = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, LoadedModel> loaded = [];
    private readonly List<string> runModels = []; // ids, the oldest first

    public List<LoadedModel> Named => [.. files.Keys.Select(Get)];

    /// <summary>Gives each weights file an id: the name of its run folder or its own, with a number if that is taken.</summary>
    public static IReadOnlyDictionary<string, string> AssignIds(IEnumerable<string> paths)
    {
        var files = new Dictionary<string, string>();
        foreach (var path in paths.Distinct())
        {
            var folder = Path.GetDirectoryName(path)!;
            var isRun = Path.GetFileName(path) == RunFolder.BestFile && File.Exists(Path.Combine(folder, RunFolder.InfoFile));
            var name = isRun ? Path.GetFileName(folder) : Path.GetFileNameWithoutExtension(path);
            name = name.Trim('.') == "" ? "model" : name; // "." would be another location in a URL
            var id = name;
            for (var count = 2; files.ContainsKey(id); count++)
                id = $"{name}-{count}";
            files.Add(id, path);
        }

        return files;
    }

    /// <summary>
    /// Returns a model, valid until the next call. Reloads it if its file changed, and keeps the loaded one if the new file is unreadable.
    /// Unloads a run's model if its file is gone, since the run may start again.
    /// </summary>
    /// <exception cref="NotFoundException">There is no model of that id.</exception>
    public LoadedModel Get(string id)
    {
        var isNamed = files.TryGetValue(id, out var file);
        var path = file ?? runs.FindWeights(id) ?? throw new NotFoundException($"There is no network '{id}'.");
        var written = File.GetLastWriteTimeUtc(path);
        if (loaded.TryGetValue(id, out var model) && model.Written == written)
            return model;
        var resolution = written.Ticks % TimeSpan.TicksPerSecond == 0 ? CoarseClockResolution : ClockResolution;
        if ((DateTime.UtcNow - written).Duration() < resolution)
            written = DateTime.MinValue; // read it again at the next request
        try
        {
            loaded[id] = LoadedModel.Load(id, path, isNamed ? architecture : null, written, device, data);
            model?.Dispose();
        }
        catch (FileNotFoundException) when (!isNamed)
        {
            Unload(id);
            throw;
        }
        catch (Exception error) when (model is not null && FileErrors.Is(error))
        {
            model.Written = written; // so it is not read again until it is written again
            return model;
        }

        if (!isNamed)
        {
            runModels.Remove(id);
            runModels.Add(id);
            if (runModels.Count > MostRunModels)
                Unload(runModels[0]);
        }

        return loaded[id];
    }

    public void Dispose()
    {
        foreach (var model in loaded.Values)
            model.Dispose();
    }

    private void Unload(string id)
    {
        runModels.Remove(id);
        if (loaded.Remove(id, out var model))
            model.Dispose();
    }
}
