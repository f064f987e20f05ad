using MnistCnn.Runtime;

namespace MnistCnn.Files;

/// <summary>
/// Keeps other processes out of a folder while one writes into it. The lock is an open file, so it is gone with its process,
/// however that ends.
/// </summary>
internal sealed class FolderLock : IDisposable
{
    private const string Name = "run.lock";

    // Elsewhere than on Windows, closing would delete by name what may be another process's new file.
    private static readonly FileOptions Options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None;

    private readonly FileStream file;

    private FolderLock(string folder, FileStream file) => (Folder, this.file) = (folder, file);

    /// <summary>The full path of the folder.</summary>
    public string Folder { get; }

    /// <summary>Whether a file is no more than the lock of its folder.</summary>
    public static bool IsLock(string path) => Path.GetFileName(path) == Name;

    /// <summary>Locks a folder, which is made where it is missing.</summary>
    /// <exception cref="IOException">Another process has it, or the folder cannot be made.</exception>
    public static FolderLock Take(string folder) => TryTake(folder)
        ?? throw new IOException($"{Path.GetFullPath(folder)} is in use: another process writes into it. Wait until that process ends.").With(Remedy.ChooseFolder);

    /// <summary>Makes and locks the next folder <c>runs/NAME-TIME</c> that is not there yet.</summary>
    public static FolderLock TakeNew(string name, DateTimeOffset time)
    {
        var path = Path.Combine("runs", $"{name}-{time:yyyyMMdd-HHmmss}");
        return Enumerable.Range(1, int.MaxValue)
            .Select(number => number == 1 ? path : $"{path}-{number}")
            .Where(candidate => !Directory.Exists(candidate))
            .Select(TryTake)
            .First(taken => taken is not null)!;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            if (Options == FileOptions.None)
                File.Delete(file.Name);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The folder may be gone, or have become read-only; the lock is gone all the same.
        }

        file.Dispose();
    }

    private static FolderLock? TryTake(string folder)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (!Directory.Exists(folder) && (File.Exists(folder) || new FileInfo(folder).LinkTarget is not null))
            throw new IOException($"{folder} is a file or a broken link; it must be a folder.");
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, Name);
        while (true)
        {
            FileStream file;
            try
            {
                file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, Options);
            }
            catch (IOException error) when (error.GetType() == typeof(IOException) && File.Exists(path))
            {
                return null;
            }

            if (IsStillThere(file, path))
                return new FolderLock(folder, file);
            file.Dispose();
        }
    }

    // Its last owner may have deleted it between our opening it and our locking it: another file is there then, or none. Every file
    // system keeps a length, and not every one keeps a time.
    private static bool IsStillThere(FileStream file, string path)
    {
        if (Options != FileOptions.None)
            return true;
        try
        {
            file.SetLength(Random.Shared.Next(1, 1 << 16));
            return new FileInfo(path) is { Exists: true, Length: var length } && length == file.Length;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
