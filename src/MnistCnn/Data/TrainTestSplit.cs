using System.Security.Cryptography;
using System.Text;

namespace MnistCnn.Data;

/// <summary>In which order the pictures of a folder are learnt from and tested on: the same on every machine.</summary>
internal static class TrainTestSplit
{
    /// <summary>
    /// Splits each class into test and training images: the pictures whose files have the smallest SHA-256 are test images. Files of the
    /// same bytes come to the same side; a class whose files all have the same bytes has training images only.
    /// </summary>
    /// <param name="pictures">All pictures.</param>
    /// <param name="testShare">Fraction of each class to test on; of two different pictures or more, each side gets at least one.</param>
    public static void Split(IEnumerable<ImageEntry> pictures, double testShare)
    {
        foreach (var members in pictures.GroupBy(entry => entry.Class).Select(group => group.ToArray()))
        {
            var tests = Math.Clamp((int)Math.Round(testShare * members.Length), Math.Min(1, members.Length - 1), members.Length - 1);
            ImageEntry[] sorted = [.. members.OrderBy(entry => Convert.ToHexString(entry.Sha256), StringComparer.Ordinal)];
            while (tests > 0 && tests < sorted.Length && sorted[tests].Sha256.SequenceEqual(sorted[tests - 1].Sha256))
                tests++;
            if (tests == sorted.Length) // equal files at the end: without them, nothing would be left to train on
                tests = Array.FindIndex(sorted, entry => entry.Sha256.SequenceEqual(sorted[^1].Sha256));
            foreach (var (rank, entry) in sorted.Index())
                entry.IsTest = rank < tests;
        }
    }

    /// <summary>One part of the set, with its classes mixed evenly: the k-th of a class's n pictures stands at (k + 1/2) / n of the whole.</summary>
    /// <param name="pictures">All pictures.</param>
    /// <param name="isTest">Which part.</param>
    public static ImageEntry[] Mix(IEnumerable<ImageEntry> pictures, bool isTest) =>
    [
        .. from members in pictures.Where(entry => entry.IsTest == isTest).GroupBy(entry => entry.Class)
           let count = members.Count()
           from placed in members.Select((entry, place) => (Entry: entry, Place: (place + 0.5) / count))
           orderby placed.Place, placed.Entry.Class
           select placed.Entry,
    ];

    /// <summary>A SHA-256 over the names and bytes of all files, in lower-case hexadecimal.</summary>
    /// <param name="pictures">All pictures, in the order of their classes and names, before <see cref="Split"/>.</param>
    public static string Fingerprint(IEnumerable<ImageEntry> pictures)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var entry in pictures)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{entry.IsTest}/{entry.Name.Replace('\\', '/')}\0"));
            hash.AppendData(entry.Sha256);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
