using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Reads CIFAR-10 and CIFAR-100 in their binary version: colour images of 32x32 pixels in 10 or 100 classes.</summary>
/// <remarks>
/// Sources: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; "Binary version" on the site of the CIFAR
/// data sets, https://www.cs.toronto.edu/~kriz/cifar.html. A file is one record after the other, an image each: its label, one byte (of
/// CIFAR-100 the coarse label and then the fine one), and 3072 bytes of pixels, all of red, of green, of blue, row by row.
/// </remarks>
internal static class CifarReader
{
    private const int Channels = 3;
    private const int Side = 32;
    private const int Pixels = Channels * Side * Side;

    private static readonly Kind[] Kinds =
    [
        new("CIFAR-10", [.. Enumerable.Range(1, 5).Select(batch => $"data_batch_{batch}.bin")], "test_batch.bin", "batches.meta.txt", [10]),
        new("CIFAR-100", ["train.bin"], "test.bin", "fine_label_names.txt", [20, 100]),
    ];

    /// <summary>Whether a path is that of such a set, whole or not.</summary>
    /// <param name="path">As <see cref="Load"/> takes it.</param>
    public static bool Holds(string path) => KindsIn(path).Length > 0;

    /// <summary>
    /// Reads <c>data_batch_1.bin</c> to <c>data_batch_5.bin</c> and <c>test_batch.bin</c>, whose classes <c>batches.meta.txt</c> names;
    /// or <c>train.bin</c> and <c>test.bin</c>, whose fine labels <c>fine_label_names.txt</c> names. Without that file, classes are
    /// called by their labels. There may be any number of images. What a file <c>SHA256SUMS</c> beside them lists must be so.
    /// </summary>
    /// <param name="path">The folder that holds them.</param>
    /// <param name="trainLimit">Take only this many of the training images, the first ones.</param>
    /// <param name="testLimit">Take only this many of the test images, the first ones.</param>
    /// <exception cref="IOException">The folder or one of the files is missing or cannot be read, or there are both sets.</exception>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public static DataSet Load(string path, int? trainLimit = null, int? testLimit = null)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var files = new VerifiedFiles(path);
        var kind = Find(files, path);
        var names = files.Has(kind.Names) ? ClassNames.FromLines(files.Read(kind.Names), files.PathOf(kind.Names), kind.Classes) : ClassNames.Numbers(kind.Classes);
        var pixels = new MeanStdAccumulator(Channels);
        var train = Read(files, kind, kind.Train, trainLimit, pixels);
        try
        {
            var test = Read(files, kind, [kind.Test], testLimit, new MeanStdAccumulator(Channels));
            return new DataSet(path, train, test, names, pixels.Normalization, ImageFit.Stretch, files.Sha256)
            {
                Found = (kind.Records(files, kind.Train), kind.Records(files, [kind.Test])),
            };
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    private static Kind[] KindsIn(string folder) => [.. Kinds.Where(kind => kind.Files.Any(file => File.Exists(Path.Combine(folder, file))))];

    private static Kind Find(VerifiedFiles files, string folder)
    {
        if (File.Exists(folder))
            throw new IOException($"{folder} is a file; name the folder that holds it.");
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"The data folder {folder} does not exist.");
        if (KindsIn(folder) is not [var kind])
            throw new IOException(
                Holds(folder)
                    ? $"{folder} holds files of {string.Join(" and of ", Kinds.Select(kind => kind.Name))}; give each a folder of its own."
                    : $"{folder} does not hold {string.Join(" or ", Kinds.Select(kind => $"{kind.Name} ({string.Join(", ", kind.Files)})"))}.");
        if (kind.Files.FirstOrDefault(file => !files.Has(file)) is { } missing)
            throw new FileNotFoundException($"{folder} does not hold {missing}; {kind.Name} in its binary version is {string.Join(", ", kind.Files)}.");
        return kind;
    }

    // Each file is let go before the next one is read. All pixels are measured, whatever the limit.
    private static LabeledImages Read(VerifiedFiles files, Kind kind, string[] names, int? limit, MeanStdAccumulator pixels)
    {
        var count = Math.Min(limit ?? int.MaxValue, kind.Records(files, names));
        if (count * Pixels > Array.MaxLength)
            throw new InvalidDataException($"{Path.GetDirectoryName(files.PathOf(kind.Test))} holds too many images: {count:N0} of them to be taken at once.");
        var labels = new long[count];
        var images = empty([count, Channels, Side, Side], ScalarType.Byte);
        try
        {
            var taken = 0;
            foreach (var name in names)
                Take(kind, files.Read(name), files.PathOf(name), images.bytes, labels, ref taken, pixels);
            if (taken != count)
                throw new InvalidDataException($"{Path.GetDirectoryName(files.PathOf(kind.Test))} was changed while it was read.");
            return new LabeledImages(images, tensor(labels));
        }
        catch
        {
            images.Dispose();
            throw;
        }
    }

    private static void Take(Kind kind, ReadOnlySpan<byte> contents, string path, Span<byte> images, long[] labels, ref int taken, MeanStdAccumulator pixels)
    {
        var records = kind.Records(contents.Length, path);
        for (var index = 0; index < records; index++)
        {
            var record = contents.Slice(index * kind.RecordLength, kind.RecordLength);
            for (var at = 0; at < kind.Labels.Length; at++)
                if (record[at] >= kind.Labels[at])
                    throw new InvalidDataException($"{path} has the label {record[at]} in image {index}, counted from 0; labels are 0 to {kind.Labels[at] - 1} there.");

            var image = record[kind.Labels.Length..];
            pixels.Add(image);
            if (taken == labels.Length)
                continue;
            image.CopyTo(images.Slice(taken * Pixels, Pixels));
            labels[taken++] = record[kind.Labels.Length - 1];
        }
    }

    /// <summary>One of the two sets.</summary>
    /// <param name="Name">What it is called.</param>
    /// <param name="Train">Its files to learn from, in order.</param>
    /// <param name="Test">Its file to test on.</param>
    /// <param name="Names">The file with the names of its classes.</param>
    /// <param name="Labels">How many values each label of a record may have; the last one counts.</param>
    private sealed record Kind(string Name, string[] Train, string Test, string Names, int[] Labels)
    {
        public string[] Files { get; } = [.. Train, Test];

        public int Classes => Labels[^1];

        public int RecordLength => Labels.Length + Pixels;

        public long Records(VerifiedFiles files, string[] names) => names.Sum(name => Records(files.LengthOf(name), files.PathOf(name)));

        public long Records(long length, string path) => length % RecordLength == 0
            ? length / RecordLength
            : throw new InvalidDataException(
                $"{path} is cut short, too long or not a file of {Name}: its {length:N0} bytes are not whole images of {RecordLength:N0} bytes each.");
    }
}
