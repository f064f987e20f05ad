namespace MnistCnn.Files;

/// <summary>Files that a user names to be read.</summary>
internal static class InputFile
{
    /// <summary>
    /// Opens a file. What has no length is refused: an empty file, but also a pipe or a device, which might keep a reader waiting
    /// or reading for ever.
    /// </summary>
    /// <exception cref="IOException">The file is missing, a folder, or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is empty, or not a regular file.</exception>
    public static FileStream Open(string path)
    {
        // A folder of pictures has many thousand: the system is asked once for a plain file.
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new FileNotFoundException(Directory.Exists(path) ? $"{path} is a folder; name a file in it." : $"{path} does not exist.");
        if (file.Attributes.HasFlag(FileAttributes.ReparsePoint) && file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
            file = target; // of a link, the length is its own
        if (!file.Exists)
            throw new FileNotFoundException($"{path} is a link to {file.FullName}, which does not exist.");
        if (file.Length == 0)
            throw new InvalidDataException($"{path} is empty, or not a regular file.");

        // On Windows, a run could not replace a file that is open otherwise.
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
    }

    /// <summary>Reads a whole file; see <see cref="Open"/>.</summary>
    public static byte[] ReadAllBytes(string path)
    {
        using var file = Open(path);
        if (file.Length > Array.MaxLength)
            throw new InvalidDataException($"{path} is too large: {file.Length:N0} bytes.");
        var contents = new byte[file.Length];
        file.ReadExactly(contents);
        return contents;
    }

    /// <summary>Reads a whole text file; see <see cref="Open"/>.</summary>
    public static string ReadAllText(string path)
    {
        using var reader = new StreamReader(Open(path));
        return reader.ReadToEnd();
    }
}
