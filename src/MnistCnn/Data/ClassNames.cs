using System.Globalization;
using System.Text;

namespace MnistCnn.Data;

/// <summary>What classes are called: by a data set, as text files beside its images say, and by the weights of a network that was trained on one.</summary>
internal static class ClassNames
{
    /// <summary>The names where nothing gives any: the labels.</summary>
    public static string[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(label => label.ToString(CultureInfo.InvariantCulture))];

    /// <summary>Reads names one a line, in the order of their labels; empty lines at the end do not count.</summary>
    /// <param name="contents">The whole file, in UTF-8.</param>
    /// <param name="path">What to call it in a message.</param>
    /// <param name="count">How many classes there are.</param>
    /// <exception cref="InvalidDataException">There are more or fewer names, or one of them is not a name.</exception>
    public static string[] FromLines(byte[] contents, string path, int count)
    {
        var names = Lines(contents);
        if (names.Length != count)
            throw new InvalidDataException($"{path} must name {count} classes, one a line; lines that it has: {names.Length}.");
        if (Array.FindIndex(names, name => name.Length == 0 || name.Any(letter => char.IsControl(letter) || letter == Rune.ReplacementChar.Value)) is var wrong and >= 0)
            throw new InvalidDataException($"{path} has no name in line {wrong + 1}: names are printable text in UTF-8.");
        if (names.GroupBy(name => name).FirstOrDefault(name => name.Count() > 1) is { } twice)
            throw new InvalidDataException($"{path} has the name '{twice.Key}' twice.");
        return names;
    }

    /// <summary>
    /// Reads a mapping of EMNIST: in each line a label and the Unicode code points of the characters that it stands for, as in
    /// "1 65 97" for a class of A and a. A label that no line has is its own name.
    /// </summary>
    /// <param name="contents">The whole file.</param>
    /// <param name="path">What to call it in a message.</param>
    /// <param name="count">How many classes there are; labels above are left out.</param>
    /// <exception cref="InvalidDataException">A line is not that.</exception>
    public static string[] FromMapping(byte[] contents, string path, int count)
    {
        var names = Numbers(count);
        foreach (var (index, line) in Lines(contents).Index())
        {
            int[] numbers =
            [
                .. line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                    .Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1),
            ];
            if (numbers is not [>= 0 and var label, _, ..] || !numbers[1..].All(IsPrintable))
                throw new InvalidDataException($"{path} has in line {index + 1} something else than a label and the code points of its characters.");
            if (label < count)
                names[label] = string.Concat(numbers[1..].Select(code => new Rune(code)));
        }

        return names;

        static bool IsPrintable(int code) => Rune.IsValid(code) && !Rune.IsControl(new Rune(code)) && !Rune.IsWhiteSpace(new Rune(code));
    }

    /// <summary>Whether they are just 0, 1, 2 and so on, as where nobody has named the classes.</summary>
    public static bool AreNumbers(IReadOnlyList<string> names) =>
        names.Index().All(name => name.Item == name.Index.ToString(CultureInfo.InvariantCulture));

    /// <summary>
    /// Why a network cannot be measured on a data set, in a sentence, or null where it can: the names are the same, in the same order.
    /// Of names that are just numbers only how many there are counts.
    /// </summary>
    /// <param name="network">What the network calls its classes.</param>
    /// <param name="data">What the data set calls its.</param>
    /// <param name="folder">Where the data set lies.</param>
    public static string? Mismatch(IReadOnlyList<string> network, IReadOnlyList<string> data, string folder)
    {
        var isSameInOtherOrder = !network.SequenceEqual(data) && network.ToHashSet().SetEquals(data);
        if (network.Count == data.Count && !isSameInOtherOrder && (AreNumbers(network) || AreNumbers(data) || network.SequenceEqual(data)))
            return null;
        var reason = (data.Except(network).FirstOrDefault(), network.Except(data).FirstOrDefault()) switch
        {
            ({ } stranger, _) => $"'{stranger}' is not one of the network's",
            (_, { } missing) => $"'{missing}' of the network's is not there",
            _ => "they are in another order",
        };
        return $"The network knows {network.Count} classes ({First(network)}) and {folder} holds {data.Count} ({First(data)}): {reason}.";
    }

    private static string First(IReadOnlyList<string> names) => string.Join(", ", names.Count > 4 ? [.. names.Take(3), "..."] : names);

    private static string[] Lines(byte[] contents)
    {
        using var reader = new StreamReader(new MemoryStream(contents));
        return [.. reader.ReadToEnd().TrimEnd().Split('\n').Select(line => line.Trim())];
    }
}
