using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace MnistCnn.Files;

/// <summary>Files that are either whole or not there.</summary>
internal static partial class AtomicFile
{
    // Constants of fcntl.h and sys/stat.h on Linux, and struct statx.
    private const int CurrentFolder = -100, TypeOnly = 1, StatusSize = 256, ModeOffset = 28;
    private const int TypeMask = 0xF000, RegularFile = 0x8000, Folder = 0x4000;

    /// <summary>
    /// Lets <paramref name="write"/> fill a file under a temporary name in the same folder, flushes it and renames it:
    /// whatever happens meanwhile, <paramref name="path"/> is the old file or the new one. The folder must be there: one that was
    /// removed meanwhile must not come back with this file alone.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, Action<Stream> write) => UnderTemporaryName(path, (temporary, target) =>
    {
        using (var file = new FileStream(temporary, FileMode.Create))
        {
            write(file);
            file.Flush(flushToDisk: true);
        }

        Replace(temporary, target);
    });

    /// <summary>Finds out whether <see cref="Write"/> would succeed, and leaves nothing behind but the folder.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void EnsureWritable(string path)
    {
        path = Path.GetFullPath(path);
        if (Directory.Exists(path))
            throw new IOException($"{path} is a folder; it must be a file.");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        UnderTemporaryName(path, (temporary, _) =>
            new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose());
    }

    /// <summary>Deletes what processes that were killed in the middle of <see cref="Write"/> left. No other process may be writing the file.</summary>
    public static void DeleteLeftovers(string path)
    {
        path = Path.GetFullPath(path);
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, $"{Path.GetFileName(path)}.*.tmp"))
            if (TemporaryEnding().IsMatch(file[path.Length..]))
                TryDelete(file);
    }

    // Windows does not replace a file while somebody has it open, a virus scanner for one; that passes.
    private static void Replace(string temporary, string path)
    {
        for (var attempts = OperatingSystem.IsWindows() ? 20 : 1; ; attempts--)
        {
            try
            {
                File.Move(temporary, path, overwrite: true);
                return;
            }
            catch (Exception error) when (attempts > 1 && error is (IOException or UnauthorizedAccessException))
            {
                Thread.Sleep(50);
            }
        }
    }

    // The file that a link stands for is replaced, not the link. A device or a pipe is not replaced: as root, the rename would succeed.
    private static string Target(string path)
    {
        path = Path.GetFullPath(path);
        if (new FileInfo(path).LinkTarget is not null)
            path = File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        return IsDeviceOrPipe(path) ? throw new IOException($"{path} is not a regular file, so it is not replaced.") : path;
    }

    // .NET does not tell the kind of a file. macOS lets nobody make files beside its devices.
    private static bool IsDeviceOrPipe(string path)
    {
        var status = new byte[StatusSize];
        return OperatingSystem.IsLinux() && Stat(CurrentFolder, path, 0, TypeOnly, status) == 0
            && (BitConverter.ToUInt16(status, ModeOffset) & TypeMask) is not (RegularFile or Folder);
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(int folder, string path, int flags, uint mask, [Out] byte[] status);

    private static void UnderTemporaryName(string path, Action<string, string> write)
    {
        path = Target(path);
        var temporary = $"{path}.{Random.Shared.NextInt64()}.tmp"; // by chance: processes of several containers may have the same number
        try
        {
            write(temporary, path);
        }
        catch (IOException error) when (!Directory.Exists(Path.GetDirectoryName(path)))
        {
            throw new IOException($"{path} cannot be written: its folder was removed.", error);
        }
        catch (Exception error)
        {
            TryDelete(temporary);

            // The user knows nothing of the temporary name.
            var message = error.Message.Replace(temporary, path, StringComparison.Ordinal);
            if (error is UnauthorizedAccessException)
                throw new UnauthorizedAccessException(message, error);
            if (error is IOException)
                throw new IOException(message, error);
            throw;
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A file that is in the way of nothing; what else went wrong is told.
        }
    }

    [GeneratedRegex(@"^\.\d+\.tmp$")]
    private static partial Regex TemporaryEnding();
}
