namespace MnistCnn.Data;

/// <summary>Splits and orders the images of a folder in the same way on every machine.</summary>
internal static class TrainTestSplit
{
    /// <summary>
    /// Takes the images with the smallest SHA-256 of each class as its test images. Equal files stay together; a class whose files are
    /// all equal has training images only, and any other class has at least one image of each kind. Keeps the order of the images.
    /// </summary>
    public static (ScannedImage[] Train, ScannedImage[] Test) Split(IReadOnlyList<ScannedImage> images, double testFraction)
    {
        var test = images.GroupBy(image => image.File.Class).SelectMany(members => TakeTest(members, testFraction)).ToHashSet();
        return ([.. images.Where(image => !test.Contains(image))], [.. images.Where(test.Contains)]);
    }

    private static IEnumerable<ScannedImage> TakeTest(IEnumerable<ScannedImage> members, double testFraction)
    {
        ScannedImage[] sorted = [.. members.OrderBy(image => image.Sha256, StringComparer.Ordinal)];
        var most = sorted.Length - 1;
        var count = Math.Clamp((int)Math.Round(testFraction * sorted.Length), Math.Min(1, most), most);
        while (count > 0 && count < sorted.Length && sorted[count].Sha256 == sorted[count - 1].Sha256)
            count++;
        if (count == sorted.Length) // equal files at the end: without them, no training images would be left
            count = Array.FindIndex(sorted, image => image.Sha256 == sorted[^1].Sha256);
        return sorted.Take(count);
    }

    /// <summary>Mixes the classes evenly: the k-th of n images of a class is placed at (k + 1/2) / n of the whole.</summary>
    public static ScannedImage[] MixClasses(IEnumerable<ScannedImage> images) =>
    [
        .. from members in images.GroupBy(image => image.File.Class)
           let count = members.Count()
           from placed in members.Select((image, index) => (Image: image, Place: (index + 0.5) / count))
           orderby placed.Place, placed.Image.File.Class
           select placed.Image,
    ];

    /// <summary>Computes a lower-case SHA-256 of the names and bytes of all files, in the order of their classes and names.</summary>
    public static string Fingerprint(IEnumerable<ScannedImage> images)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (file, sha256, _) in images)
        {
            var split = file.Split switch { null => "", DataSplit.Train => "False", DataSplit.Test => "True", var other => $"{other}" };
            hash.AppendData(Encoding.UTF8.GetBytes($"{split}/{file.Name.Replace('\\', '/')}\0"));
            hash.AppendData(Convert.FromHexString(sha256));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
