using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Runs;

/// <summary>Finds the weights file of a model (a file, a run folder or a bundled network), and the checkpoint of a run.</summary>
internal static class ModelLocator
{
    public const string Extension = ".safetensors";

    /// <summary>Bundled network with the higher accuracy on hand-drawn images.</summary>
    public const string Default = "inception";

    /// <summary>Names of the bundled networks, which are the names of their architectures.</summary>
    public static IReadOnlyList<string> Bundled { get; } = ["residual", "inception"];

    /// <summary>True if a text names a bundled network and not a file or folder.</summary>
    public static bool IsBundled(string name) => Bundled.Contains(name, StringComparer.OrdinalIgnoreCase) && !Path.Exists(name);

    /// <summary>True if a text names a model, existing or not; otherwise it may be an image file.</summary>
    public static bool IsModel(string name) =>
        name.EndsWith(Extension, StringComparison.OrdinalIgnoreCase)
        || File.Exists(Path.Combine(name, RunFolder.InfoFile)) || IsBundled(name);

    /// <summary>Finds the weights file of a model. The file need not exist.</summary>
    /// <param name="name">Path of a file or run folder, or name of a bundled network; null for a bundled network.</param>
    /// <param name="architecture">Architecture of the bundled network if <paramref name="name"/> is null; null for the default one.</param>
    /// <returns>Full path of the file: in a run folder, the weights of the best epoch.</returns>
    /// <exception cref="UserException">No bundled network has this architecture.</exception>
    public static string Find(string? name, Architecture? architecture)
    {
        if (name is null && architecture is not null && !Bundled.Contains(architecture.Name))
            throw new UserException(
                $"No network of {architecture.Name} comes with the program: name a file of weights or a run folder. "
                + $"The bundled networks: {string.Join(", ", Bundled)}.");
        if (name is null || IsBundled(name))
        {
            var file = (name ?? architecture?.Name ?? Default).ToLowerInvariant() + Extension;
            return Path.Combine(AppContext.BaseDirectory, "data", "models", file);
        }

        if (!Directory.Exists(name))
            return Path.GetFullPath(name);
        return File.Exists(Path.Combine(name, RunFolder.InfoFile))
            ? Path.GetFullPath(Path.Combine(name, RunFolder.BestFile))
            : throw new FileNotFoundException(
                $"{name} is not a run folder, because it has no {RunFolder.InfoFile}: name a file of weights in it.");
    }

    /// <param name="name">Path of a file, which need not exist, or of a run folder.</param>
    public static string FindCheckpoint(string name)
    {
        var path = Path.GetFullPath(name);
        if (!Directory.Exists(path))
            return path;
        var checkpoint = Path.Combine(path, RunFolder.CheckpointFile);
        return File.Exists(checkpoint)
            ? checkpoint
            : throw new FileNotFoundException($"{path} cannot be resumed, because it has no {RunFolder.CheckpointFile}.");
    }

    public static TrainedNetwork Load(string? name, Architecture? architecture, Device device) =>
        TrainedNetwork.Load(Find(name, architecture), architecture).To(device);

    /// <summary>Output folder for results of a model: the folder of its weights, or the current folder for a bundled network.</summary>
    public static string ResultFolder(string? name, string path) =>
        name is null || IsBundled(name) ? Path.GetFullPath(".") : Path.GetDirectoryName(path)!;

    /// <summary>True for the best weights of a run without validation images: their epoch was chosen by the test accuracy.</summary>
    /// <param name="data">If not null, the result is false unless the run had the same data.</param>
    public static bool IsChosenOnTest(string path, DataSet? data = null)
    {
        if (Path.GetFileName(path) != RunFolder.BestFile)
            return false;
        RunRecord? run = null;
        FileErrors.Try(() => run = RunRecord.Read(Path.GetDirectoryName(path)!)); // damage of the record does not harm the weights
        return run is { Info: { } info, Epochs: [{ ValidationAccuracy: null }, _, ..] }
            && (data is null || info.Data.Sha256.OrderBy(file => file.Key).SequenceEqual(data.Sha256.OrderBy(file => file.Key)));
    }
}
