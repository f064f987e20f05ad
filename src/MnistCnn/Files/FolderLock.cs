using MnistCnn.Runtime;

namespace MnistCnn.Files;

/// <summary>
/// Exclusive right to write into a folder: an open file <c>run.lock</c>, which the system closes when its process ends, however that ends.
/// The owner writes the file every 15 seconds, because some shared file systems do not show the locks of other machines.
/// </summary>
internal sealed class FolderLock : IDisposable
{
    private const string Name = "run.lock";

    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(1);

    private readonly FileStream file;
    private readonly Timer timer;

    private FolderLock(string folder, FileStream file)
    {
        (Folder, this.file) = (folder, file);
        timer = new Timer(_ => Beat(), null, Heartbeat, Heartbeat);
    }

    public static TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Full path of the folder.</summary>
    public string Folder { get; }

    public static bool IsLock(string path) => Path.GetFileName(path) == Name;

    /// <summary>Creates the folder if necessary, and locks it.</summary>
    /// <exception cref="IOException">Another process holds the lock, or the folder cannot be created.</exception>
    public static FolderLock Acquire(string folder)
    {
        if (TryAcquire(folder) is { } acquired)
            return acquired;
        Thread.Sleep(20); // IsHeld in another process may have had it open
        return TryAcquire(folder)
            ?? throw new IOException($"{Path.GetFullPath(folder)} is in use: another process writes into it. Wait until that process ends.")
                .With(Remedy.ChooseFolder);
    }

    /// <summary>Returns whether a process on any machine owns the lock: its file is locked, or was written in the last minute.</summary>
    public static bool IsHeld(string folder)
    {
        var path = Path.Combine(folder, Name);
        if (!File.Exists(path))
            return false;
        if ((DateTime.UtcNow - File.GetLastWriteTimeUtc(path)).Duration() < LongestSilence)
            return true;
        var error = FileErrors.Catch(
            () => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1).Dispose());
        return error?.GetType() == typeof(IOException); // otherwise the file is gone, or may not be opened
    }

    /// <summary>Creates and locks a new folder <c>runs/NAME-TIME</c>, with a number at the end if it exists already.</summary>
    public static FolderLock AcquireNew(string name, DateTimeOffset time)
    {
        var path = Path.Combine("runs", $"{name}-{time:yyyyMMdd-HHmmss}");
        return Enumerable.Range(1, int.MaxValue)
            .Select(number => number == 1 ? path : $"{path}-{number}")
            .Where(candidate => !Directory.Exists(candidate))
            .Select(TryAcquire)
            .First(acquired => acquired is not null)!;
    }

    public void Dispose()
    {
        timer.Dispose();
        // If the folder was removed or is read-only now, closing the file releases the lock all the same.
        if (!OperatingSystem.IsWindows())
            FileErrors.Try(() => File.Delete(file.Name));
        file.Dispose();
    }

    private void Beat()
    {
        try
        {
            RandomAccess.SetLength(file.SafeFileHandle, RandomLength());
        }
        catch (Exception error) when (FileErrors.Is(error) || error is ObjectDisposedException)
        {
            // The lock was released meanwhile, or the disk is full. The next attempt may succeed.
        }
    }

    private static int RandomLength() => Random.Shared.Next(1, 1 << 16);

    private static FolderLock? TryAcquire(string folder)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (!Directory.Exists(folder) && (File.Exists(folder) || new FileInfo(folder).LinkTarget is not null))
            throw new IOException($"{folder} is a file or a broken link; it must be a folder.");
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, Name);

        // On other systems DeleteOnClose deletes by name, and the name may belong to another process's new file.
        var options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None;
        while (true)
        {
            FileStream file;
            try
            {
                file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, options);
            }
            catch (IOException error) when (error.GetType() == typeof(IOException) && File.Exists(path))
            {
                return null;
            }

            if (OperatingSystem.IsWindows() || IsStillThere(file, path))
                return new FolderLock(folder, file);
            file.Dispose();
        }
    }

    // The previous owner may have deleted the file between our opening and our locking it. A random length tells whether the path still
    // leads to our file; every file system keeps lengths, but not every one keeps times.
    private static bool IsStillThere(FileStream file, string path)
    {
        file.SetLength(RandomLength());
        return new FileInfo(path) is { Exists: true, Length: var length } && length == file.Length;
    }
}
