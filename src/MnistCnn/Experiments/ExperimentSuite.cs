using MnistCnn.Files;
using MnistCnn.Runtime;

namespace MnistCnn.Experiments;

/// <summary>All experiments, one after the other, each in a folder of its own below one.</summary>
internal sealed class ExperimentSuite : IDisposable
{
    /// <summary>Its name on the command line.</summary>
    public const string Name = "all";

    private readonly FolderLock folderLock;
    private readonly ExperimentStatus[] statuses;

    // What was measured earlier is read before anything is written, so that a series that is stopped early keeps it on its page.
    private ExperimentSuite(FolderLock folderLock, IEnumerable<Experiment> experiments)
    {
        this.folderLock = folderLock;
        statuses = [.. experiments.Select(experiment => ExperimentRun.Read(experiment, FolderOf(experiment)) ?? new ExperimentStatus(experiment))];
    }

    /// <summary>Where the results are.</summary>
    public string Folder => folderLock.Folder;

    /// <summary>The experiments in their order, with what is known of each.</summary>
    public IReadOnlyList<ExperimentStatus> Statuses => statuses;

    /// <summary>Begins them, or goes on with those in the folder.</summary>
    /// <param name="experiments">The experiments.</param>
    /// <param name="folder">Where the results go, or null for the next free name <c>runs/all-TIME</c>.</param>
    /// <param name="pages">The names of the files that are written beside the experiments' folders.</param>
    /// <exception cref="IOException">The folder cannot be written, is in use, or holds something else.</exception>
    /// <exception cref="InvalidDataException">A file of an experiment in it is damaged.</exception>
    public static ExperimentSuite Open(IReadOnlyList<Experiment> experiments, string? folder, IReadOnlyList<string> pages)
    {
        var folderLock = folder is null ? FolderLock.TakeNew(Name, DateTimeOffset.Now) : FolderLock.Take(folder);
        try
        {
            foreach (var page in pages)
                AtomicFile.DeleteLeftovers(Path.Combine(folderLock.Folder, page));
            var known = experiments.Select(experiment => experiment.Name).Concat(pages).ToHashSet();
            if (Directory.EnumerateFileSystemEntries(folderLock.Folder).Any(entry => !FolderLock.IsLock(entry) && !IsHidden(entry) && !known.Contains(Path.GetFileName(entry))))
                throw new IOException($"{folderLock.Folder} is not empty, and not of all experiments.").With(Remedy.ChooseFolder);
            return new ExperimentSuite(folderLock, experiments);
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
    }

    /// <summary>Where the results of one are.</summary>
    public string FolderOf(Experiment experiment) => Path.Combine(Folder, experiment.Name);

    /// <summary>Puts what is known of an experiment in its place.</summary>
    public void Set(ExperimentStatus status) => statuses[Array.FindIndex(statuses, other => other.Experiment == status.Experiment)] = status;

    /// <inheritdoc/>
    public void Dispose() => folderLock.Dispose();

    // As macOS leaves them in every folder that is looked at.
    private static bool IsHidden(string path) => Path.GetFileName(path).StartsWith('.');
}

/// <summary>One experiment among all, as far as it is known.</summary>
/// <param name="Experiment">The experiment.</param>
/// <param name="Info">What it was, or null where it did not begin.</param>
/// <param name="ExperimentResults">What came out of it, then.</param>
/// <param name="Files">The paths of what it left behind.</param>
/// <param name="Problem">Why it cannot be measured, if it cannot.</param>
internal sealed record ExperimentStatus(
    Experiment Experiment, ExperimentInfo? Info = null, ExperimentResults? ExperimentResults = null, IReadOnlyList<string>? Files = null, string? Problem = null);
