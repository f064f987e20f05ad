using System.Security.Cryptography;
using MnistCnn.Files;

namespace MnistCnn.Data;

/// <summary>The files of a data set in one folder, each held to the sum that a file <c>SHA256SUMS</c> beside it lists, if any.</summary>
internal sealed class VerifiedFiles
{
    private const string SumsFile = "SHA256SUMS";

    private readonly string folder;
    private readonly Dictionary<string, string> expected;
    private readonly SortedDictionary<string, string> read = new(StringComparer.Ordinal);

    /// <param name="folder">The folder, which exists.</param>
    /// <exception cref="InvalidDataException">Its <c>SHA256SUMS</c> is empty, or not a regular file.</exception>
    public VerifiedFiles(string folder)
    {
        this.folder = folder;
        expected = ReadSums(Path.Combine(folder, SumsFile));
    }

    /// <summary>The SHA-256 of each file that was read, by its name, in lower-case hexadecimal.</summary>
    public IReadOnlyDictionary<string, string> Sha256 => read;

    /// <summary>The full path of a file.</summary>
    public string PathOf(string name) => Path.Combine(folder, name);

    /// <summary>Whether there is a file of that name.</summary>
    public bool Has(string name) => File.Exists(PathOf(name));

    /// <summary>How many bytes a file has.</summary>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is empty, or not a regular file.</exception>
    public long LengthOf(string name)
    {
        using var file = InputFile.Open(PathOf(name));
        return file.Length;
    }

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is empty, or not what its sum says.</exception>
    public byte[] Read(string name)
    {
        var contents = InputFile.ReadAllBytes(PathOf(name));
        var sum = Convert.ToHexStringLower(SHA256.HashData(contents));
        if (expected.TryGetValue(name, out var right) && right != sum)
            throw new InvalidDataException($"{PathOf(name)} was changed or damaged: its SHA-256 is not the one in {SumsFile}. Fetch it again.");
        read.Add(name, sum);
        return contents;
    }

    // As sha256sum writes it: the sum, a blank, a blank or an asterisk, the name.
    private static Dictionary<string, string> ReadSums(string path) => Path.Exists(path)
        ? InputFile.ReadAllText(path).Split('\n')
            .Select(line => line.Split(' ', 2, StringSplitOptions.TrimEntries))
            .Where(fields => fields.Length == 2)
            .Select(fields => (Name: fields[1].TrimStart('*'), Sum: fields[0].ToLowerInvariant()))
            .DistinctBy(file => file.Name)
            .ToDictionary(file => file.Name, file => file.Sum)
        : [];
}
