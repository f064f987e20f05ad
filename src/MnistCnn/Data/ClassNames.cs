namespace MnistCnn.Data;

/// <summary>Class names of data sets and networks, in the order of their labels.</summary>
internal static class ClassNames
{
    /// <summary>Returns the labels as names: "0", "1", ...</summary>
    public static string[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(label => $"{label}")];

    /// <summary>Whether the names are just the labels, because nobody has named the classes.</summary>
    public static bool AreNumbers(IReadOnlyList<string> names) => names.SequenceEqual(Numbers(names.Count));

    /// <summary>Orders names as numbers if all are integers, otherwise by code units; a saved order of the same names wins.</summary>
    public static string[] Order(IEnumerable<string> names, IReadOnlyList<string>? saved)
    {
        string[] sorted = [.. names.Order(StringComparer.Ordinal)];
        if (saved?.Count == sorted.Length && saved.ToHashSet().SetEquals(sorted))
            return [.. saved];
        return sorted.All(name => Number(name) is not null) ? [.. sorted.OrderBy(Number)] : sorted;

        static long? Number(string name) =>
            long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>Parses one name per line, in UTF-8; ignores empty lines at the end.</summary>
    /// <exception cref="InvalidDataException">The number of names differs from <paramref name="count"/>, or a name is invalid.</exception>
    public static string[] FromLines(byte[] contents, string path, int count)
    {
        var names = Lines(contents);
        if (names.Length != count)
            throw new InvalidDataException($"{path} must name {count} classes, one per line; lines that it has: {names.Length}.");
        if (Array.FindIndex(names, name => name.Length == 0 || name.Any(IsUnprintable)) is var wrong and >= 0)
            throw new InvalidDataException($"{path} has no name in line {wrong + 1}: names are printable text in UTF-8.");
        if (names.CountBy(name => name).FirstOrDefault(name => name.Value > 1).Key is { } duplicate)
            throw new InvalidDataException($"{path} has the name '{duplicate}' twice.");
        return names;

        static bool IsUnprintable(char letter) => char.IsControl(letter) || letter == Rune.ReplacementChar.Value;
    }

    /// <summary>
    /// Parses a mapping of EMNIST: each line has a label and the Unicode code points of its characters, as in "1 65 97" for a class of A
    /// and a. Labels without a line keep their number; labels from <paramref name="count"/> are ignored.
    /// </summary>
    public static string[] FromMapping(byte[] contents, string path, int count)
    {
        var names = Numbers(count);
        foreach (var (index, line) in Lines(contents).Index())
        {
            var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            int[] numbers = [.. words.Select(word => int.TryParse(word, NumberStyles.None, null, out var number) ? number : -1)];
            if (numbers is not [>= 0 and var label, _, ..] || !numbers[1..].All(IsPrintable))
                throw new InvalidDataException(
                    $"{path} has in line {index + 1} something else than a label and the code points of its characters.");
            if (label < count)
                names[label] = string.Concat(numbers[1..].Select(code => new Rune(code)));
        }

        return names;

        static bool IsPrintable(int code) => Rune.IsValid(code) && !Rune.IsControl(new Rune(code)) && !Rune.IsWhiteSpace(new Rune(code));
    }

    /// <summary>
    /// Explains in a sentence why a network cannot be evaluated on a data set, or returns null if both have the same names in the same
    /// order. If either side has only numbers, only the count must be equal.
    /// </summary>
    public static string? Mismatch(IReadOnlyList<string> network, IReadOnlyList<string> data, string dataFolder)
    {
        var isReordered = !network.SequenceEqual(data) && network.ToHashSet().SetEquals(data);
        if (network.Count == data.Count && !isReordered && (AreNumbers(network) || AreNumbers(data) || network.SequenceEqual(data)))
            return null;
        var reason = (data.Except(network).FirstOrDefault(), network.Except(data).FirstOrDefault()) switch
        {
            ({ } unknown, _) => $"the network does not know '{unknown}'",
            (_, { } missing) => $"'{missing}' is missing in the data",
            _ => "their order differs",
        };
        return $"The network knows {network.Count} classes ({First(network)}) "
            + $"and {dataFolder} holds {data.Count} ({First(data)}): {reason}.";

        static string First(IReadOnlyList<string> names) => string.Join(", ", names.Count > 4 ? [.. names.Take(3), "..."] : names);
    }

    private static string[] Lines(byte[] contents)
    {
        using var reader = new StreamReader(new MemoryStream(contents));
        return [.. reader.ReadToEnd().TrimEnd().Split('\n').Select(line => line.Trim())];
    }
}
