using System.Runtime.InteropServices;
using MnistCnn.Runtime;

namespace MnistCnn.Files;

/// <summary>Writes files that are complete at any time.</summary>
internal static partial class AtomicFile
{
    // Linux: fcntl.h, sys/stat.h and struct statx.
    private const int CurrentFolder = -100, TypeOnly = 1, StatusSize = 256, ModeOffset = 28;
    private const int TypeMask = 0xF000, RegularFile = 0x8000, Folder = 0x4000;

    /// <summary>
    /// Writes a file under a temporary name in the same folder, flushes it and renames it. The folder must exist: a folder that was removed
    /// meanwhile is not created again for this file.
    /// </summary>
    public static void Write(string path, Action<Stream> write) => WithTemporaryFile(path, (temporary, target) =>
    {
        using (var file = new FileStream(temporary, FileMode.Create))
        {
            write(file);
            file.Flush(flushToDisk: true);
        }

        Replace(target, temporary);
    });

    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Creates the folder of a file, and checks that <see cref="Write"/> can write the file there.</summary>
    public static void EnsureWritable(string path)
    {
        path = Path.GetFullPath(path);
        if (Directory.Exists(path))
            throw new IOException($"{path} is a folder; it must be a file.");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        WithTemporaryFile(path, (temporary, _) =>
            new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose());
    }

    /// <summary>Deletes temporary files that killed processes left beside a file. No process may be writing the file.</summary>
    public static void DeleteLeftovers(string path)
    {
        path = Path.GetFullPath(path);
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, $"{Path.GetFileName(path)}.*.tmp"))
            if (TemporaryEnding().IsMatch(file[path.Length..]))
                TryDelete(file);
    }

    private static void WithTemporaryFile(string path, Action<string, string> write)
    {
        path = ResolveTarget(path);
        var temporary = $"{path}.{Random.Shared.NextInt64()}.tmp"; // process ids repeat across containers
        try
        {
            write(temporary, path);
        }
        catch (IOException error) when (!Directory.Exists(Path.GetDirectoryName(path)))
        {
            throw new IOException($"{path} cannot be written: its folder was removed.", error);
        }
        catch (IOException error)
        {
            throw new IOException(error.Message.Replace(temporary, path), error); // users do not know the temporary name
        }
        catch (UnauthorizedAccessException error)
        {
            throw new UnauthorizedAccessException(error.Message.Replace(temporary, path), error);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    // A link stays, and its target is replaced. A device or a pipe must not be replaced: for root, the rename would succeed.
    private static string ResolveTarget(string path)
    {
        path = Path.GetFullPath(path);
        if (new FileInfo(path).LinkTarget is not null)
            path = File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        return IsDeviceOrPipe(path) ? throw new IOException($"{path} is not a regular file, so it is not replaced.") : path;
    }

    // .NET does not tell the type of a file. macOS does not let anyone create files beside its devices.
    private static bool IsDeviceOrPipe(string path)
    {
        var status = new byte[StatusSize];
        return OperatingSystem.IsLinux() && GetStatus(CurrentFolder, path, 0, TypeOnly, status) == 0
            && (BitConverter.ToUInt16(status, ModeOffset) & TypeMask) is not (RegularFile or Folder);
    }

    // Windows does not replace a file that another program, such as a virus scanner, has open for a moment.
    private static void Replace(string path, string temporary)
    {
        for (var attempts = 1; OperatingSystem.IsWindows() && attempts < 20; attempts++)
        {
            if (FileErrors.Try(() => File.Move(temporary, path, overwrite: true)))
                return;
            Thread.Sleep(50);
        }

        File.Move(temporary, path, overwrite: true);
    }

    // A leftover does no harm, and the error that led here is reported.
    private static void TryDelete(string path) => FileErrors.Try(() => File.Delete(path));

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int GetStatus(int folder, string path, int flags, uint mask, [Out] byte[] status);

    [GeneratedRegex(@"^\.\d+\.tmp$")]
    private static partial Regex TemporaryEnding();
}
