namespace MnistCnn.Files;

/// <summary>Reads files that a user names.</summary>
internal static class InputFile
{
    /// <summary>Opens a file. Files without a length are refused, because a pipe or a device may block a reader or never end.</summary>
    public static FileStream Open(string path)
    {
        // Image folders have thousands of files: a regular file costs one system call.
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new FileNotFoundException(Directory.Exists(path) ? $"{path} is a folder; name a file in it." : $"{path} does not exist.");
        if (file.Attributes.HasFlag(FileAttributes.ReparsePoint) && file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
            file = target; // FileInfo of a link has the length of the link
        if (!file.Exists)
            throw new FileNotFoundException($"{path} is a link to {file.FullName}, which does not exist.");
        if (file.Length == 0)
            throw new InvalidDataException($"{path} is empty, or not a regular file.");

        // Without these flags, a run on Windows could not replace the file while it is read.
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
    }

    public static byte[] ReadAllBytes(string path)
    {
        using var file = Open(path);
        if (file.Length > Array.MaxLength)
            throw new InvalidDataException($"{path} is too large: {file.Length:N0} bytes.");
        var contents = new byte[file.Length];
        file.ReadExactly(contents);
        return contents;
    }

    public static string ReadAllText(string path)
    {
        using var reader = new StreamReader(Open(path));
        return reader.ReadToEnd();
    }
}
