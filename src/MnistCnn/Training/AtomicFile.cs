namespace MnistCnn.Training;

/// <summary>Files that are either whole or not there.</summary>
public static class AtomicFile
{
    /// <summary>
    /// Lets <paramref name="write"/> fill a file under a temporary name in the same folder, flushes it and renames it:
    /// whatever happens meanwhile, <paramref name="path"/> is the old file or the new one.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written, or is there and must not be overwritten.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Write(string path, Action<Stream> write, bool overwrite = true)
    {
        path = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.Create))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Finds out whether <see cref="Write"/> would succeed, and leaves nothing behind but the folder.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void EnsureWritable(string path)
    {
        path = Path.GetFullPath(path);
        if (Directory.Exists(path))
            throw new IOException($"{path} is a folder; it must be a file.");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var probe = new FileStream(
            $"{path}.{Environment.ProcessId}.tmp", FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
    }
}
