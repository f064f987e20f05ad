using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Runs;

/// <summary>
/// Where the weights of a model are: in a <c>.safetensors</c> file, in a run folder, or with the program, in which networks that are
/// ready to use come.
/// </summary>
internal static class ModelLocator
{
    /// <summary>The ending of files with weights.</summary>
    public const string Ending = ".safetensors";

    /// <summary>The ready network that is taken where none is named: the better one on pictures that people draw.</summary>
    public const string Standard = "inception";

    /// <summary>The names of the ready networks; each is that of its architecture.</summary>
    public static IReadOnlyList<string> Ready { get; } = ["residual", "inception"];

    /// <summary>Whether a text names a ready network, and not a file or folder.</summary>
    public static bool IsReady(string name) => Ready.Contains(name, StringComparer.OrdinalIgnoreCase) && !Path.Exists(name);

    /// <summary>Whether a text names a model of any kind, whether it is there or not; otherwise it may be a picture.</summary>
    public static bool IsModel(string name) =>
        name.EndsWith(Ending, StringComparison.OrdinalIgnoreCase) || File.Exists(Path.Combine(name, RunFolder.InfoFile)) || IsReady(name);

    /// <summary>Where what is made of a model goes: beside it, or of a ready one into the current folder.</summary>
    /// <param name="name">As for <see cref="Find"/>.</param>
    /// <param name="path">What <see cref="Find"/> gave.</param>
    public static string ResultFolder(string? name, string path) => name is null || IsReady(name) ? Path.GetFullPath(".") : Path.GetDirectoryName(path)!;

    /// <summary>Whether a file has the best weights of a run without validation: their epoch was chosen on the test images.</summary>
    /// <param name="path">The file.</param>
    /// <param name="data">Only if these are the run's own data, or null for any.</param>
    public static bool IsChosenOnTest(string path, DataSet? data = null)
    {
        var folder = Path.GetDirectoryName(path)!;
        var (infoPath, metricsPath) = (Path.Combine(folder, RunFolder.InfoFile), Path.Combine(folder, RunFolder.MetricsFile));
        if (Path.GetFileName(path) != RunFolder.BestFile || !File.Exists(infoPath) || !File.Exists(metricsPath))
            return false;
        try
        {
            var info = RunInfo.Read(infoPath);
            return info.Settings.Validation is null && File.ReadLines(metricsPath).Skip(1).Any()
                && (data is null || info.Data.Sha256.OrderBy(file => file.Key).SequenceEqual(data.Sha256.OrderBy(file => file.Key)));
        }
        catch (InvalidDataException)
        {
            return false; // The weights are as good as they were, whatever happened to the record.
        }
    }

    /// <summary>Loads a model; parameters and exceptions as in <see cref="Find"/> and <see cref="TrainedNetwork.Load"/>.</summary>
    public static TrainedNetwork Load(string? name, Architecture? architecture, TorchSharp.torch.Device device) =>
        TrainedNetwork.Load(Find(name, architecture), architecture).To(device);

    /// <summary>The file with a model's weights: of a run folder, those of its best epoch.</summary>
    /// <param name="name">A file, a run folder or the name of a ready network; null for a ready one.</param>
    /// <param name="architecture">Which ready network, where <paramref name="name"/> is null; null for the better one.</param>
    /// <returns>Its full path; whether the file is there, reading it will show.</returns>
    /// <exception cref="IOException">It is a folder, but not that of a run.</exception>
    /// <exception cref="UserException">No ready network is of that architecture.</exception>
    public static string Find(string? name, Architecture? architecture)
    {
        if (name is null && architecture is not null && !Ready.Contains(architecture.Name))
            throw new UserException(
                $"No network of {architecture.Name} comes with the program: name a file of weights or a run folder. The ready ones: {string.Join(", ", Ready)}.");
        if (name is null || IsReady(name))
            return Path.Combine(AppContext.BaseDirectory, "data", "models", (name ?? architecture?.Name ?? Standard).ToLowerInvariant() + Ending);
        if (!Directory.Exists(name))
            return Path.GetFullPath(name);
        return File.Exists(Path.Combine(name, RunFolder.InfoFile))
            ? Path.GetFullPath(Path.Combine(name, RunFolder.BestFile))
            : throw new FileNotFoundException($"{name} is not a run folder, since it has no {RunFolder.InfoFile}: name a file of weights in it.");
    }
}
