using MnistCnn.Files;

namespace MnistCnn.Data;

/// <summary>Files of a data set in an existing folder, verified against a file <c>SHA256SUMS</c> beside them, if there is one.</summary>
internal sealed class VerifiedFiles(string folder)
{
    private const string SumsFile = "SHA256SUMS";

    private readonly Dictionary<string, string> expected = ReadSums(Path.Combine(folder, SumsFile));
    private readonly SortedDictionary<string, string> read = new(StringComparer.Ordinal);

    /// <summary>Lower-case SHA-256 of each file read so far, by its name.</summary>
    public IReadOnlyDictionary<string, string> Sha256 => read;

    public string PathOf(string name) => Path.Combine(folder, name);

    public bool Has(string name) => File.Exists(PathOf(name));

    public long LengthOf(string name)
    {
        using var file = InputFile.Open(PathOf(name));
        return file.Length;
    }

    public byte[] Read(string name)
    {
        var contents = InputFile.ReadAllBytes(PathOf(name));
        var sum = Convert.ToHexStringLower(SHA256.HashData(contents));
        if (expected.GetValueOrDefault(name, sum) != sum)
            throw new InvalidDataException(
                $"{PathOf(name)} was changed or damaged: its SHA-256 is not the one in {SumsFile}. Fetch it again.");
        read.Add(name, sum);
        return contents;
    }

    // Lines of sha256sum: the sum, a blank, a blank or an asterisk, the name.
    private static Dictionary<string, string> ReadSums(string path) => !Path.Exists(path) ? [] : InputFile.ReadAllText(path).Split('\n')
        .Select(line => line.Split(' ', 2, StringSplitOptions.TrimEntries))
        .Where(fields => fields.Length == 2)
        .Select(fields => (Name: fields[1].TrimStart('*'), Sum: fields[0].ToLowerInvariant()))
        .DistinctBy(file => file.Name)
        .ToDictionary(file => file.Name, file => file.Sum);
}
