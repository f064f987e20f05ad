namespace MnistCnn.Tests;

/// <summary>An empty folder for one test, gone after it.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string FullPath { get; } = WithoutLinks(Directory.CreateTempSubdirectory("mnist-cnn-").FullName);

    /// <summary>The full path, with the system's separators, of a name with slashes.</summary>
    public string this[string name] => Path.GetFullPath(name, FullPath);

    /// <summary>Every file and folder below, relative, with slashes on every system, sorted.</summary>
    public string[] Contents =>
        [.. Directory.GetFileSystemEntries(FullPath, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(FullPath, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(FullPath, recursive: true);

    // Resolves links, as the working directory of a process is. On macOS, the temporary folder is a link.
    private static string WithoutLinks(string path)
    {
        if (Path.GetDirectoryName(path) is not { } parent)
            return path;
        path = Path.Combine(WithoutLinks(parent), Path.GetFileName(path));
        return Directory.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
    }
}
