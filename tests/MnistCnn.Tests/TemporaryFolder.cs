namespace MnistCnn.Tests;

/// <summary>An empty folder for one test, gone after it.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string FullPath { get; } = Directory.CreateTempSubdirectory("mnist-cnn-").FullName;

    /// <summary>The full path, with the system's separators, of a name with slashes.</summary>
    public string this[string name] => Path.GetFullPath(name, FullPath);

    /// <summary>Every file and folder below, relative, with slashes on every system, sorted.</summary>
    public string[] Contents =>
        [.. Directory.GetFileSystemEntries(FullPath, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(FullPath, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(FullPath, recursive: true);
}
