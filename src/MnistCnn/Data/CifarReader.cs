using MnistCnn.Runtime;

namespace MnistCnn.Data;

/// <summary>Reads the binary versions of CIFAR-10 and CIFAR-100: colour images of 32x32 pixels in 10 or 100 classes.</summary>
/// <remarks>
/// Sources: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; "Binary version" on the site of the CIFAR
/// data sets, https://www.cs.toronto.edu/~kriz/cifar.html. A file is a sequence of records, one per image: the label in one byte
/// (CIFAR-100: coarse label, then fine label) and 3072 bytes of pixels, first red, then green, then blue, row by row.
/// </remarks>
internal static class CifarReader
{
    private const int Channels = 3, Side = 32, Pixels = Channels * Side * Side;

    private static readonly CifarFormat[] Formats =
    [
        new("CIFAR-10", [.. Enumerable.Range(1, 5).Select(batch => $"data_batch_{batch}.bin")], "test_batch.bin", "batches.meta.txt", [10]),
        new("CIFAR-100", ["train.bin"], "test.bin", "fine_label_names.txt", [20, 100]),
    ];

    /// <summary>Whether a folder has files of either set, complete or not.</summary>
    public static bool CanRead(string folder) => FormatsIn(folder).Length > 0;

    /// <summary>
    /// Reads the files, with any number of images. The class names are the lines of <c>batches.meta.txt</c> or
    /// <c>fine_label_names.txt</c>, and otherwise the labels. Files listed in <c>SHA256SUMS</c> are verified.
    /// </summary>
    /// <param name="trainLimit">Takes only the first N training images; the normalization is measured on all.</param>
    public static DataSet Load(string folder, int? trainLimit = null, int? testLimit = null)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (FormatsIn(folder) is not [var format])
            throw new IOException(
                $"{folder} must hold the files of one of {string.Join(" and ", Formats.Select(format => format.Name))}; "
                + "give each set its own folder.");
        var files = new VerifiedFiles(folder);
        if (format.Files.FirstOrDefault(file => !files.Has(file)) is { } missing)
            throw new FileNotFoundException(
                $"{folder} does not hold {missing}; {format.Name} in its binary version is {string.Join(", ", format.Files)}.");
        var names = files.Has(format.NamesFile)
            ? ClassNames.FromLines(files.Read(format.NamesFile), files.PathOf(format.NamesFile), format.Classes)
            : ClassNames.Numbers(format.Classes);
        var pixels = new MeanStdAccumulator(Channels);
        var train = Read(files, format, format.Train, trainLimit, pixels);
        using var guard = new DisposeOnError(train);
        var test = Read(files, format, [format.Test], testLimit, new MeanStdAccumulator(Channels));
        return guard.Complete(new DataSet(folder, train, test, names, pixels.Normalization, ImageFit.Stretch, files.Sha256)
        {
            Report = new LoadReport(format.CountRecords(files, format.Train), format.CountRecords(files, [format.Test])),
        });
    }

    private static CifarFormat[] FormatsIn(string folder) =>
        [.. Formats.Where(format => format.Files.Any(file => File.Exists(Path.Combine(folder, file))))];

    // One file is in memory at a time. All pixels are measured, whatever the limit.
    private static LabeledImages Read(VerifiedFiles files, CifarFormat format, string[] names, int? limit, MeanStdAccumulator pixels)
    {
        var count = Math.Min(limit ?? int.MaxValue, format.CountRecords(files, names));
        if (count * Pixels > Array.MaxLength)
            throw new InvalidDataException($"{files.PathOf("")} holds too many images to be read at once: {count:N0}.");
        var labels = new long[count];
        var images = empty([count, Channels, Side, Side], ScalarType.Byte);
        using var guard = new DisposeOnError(images);
        var taken = 0;
        foreach (var name in names)
        {
            ReadOnlySpan<byte> contents = files.Read(name);
            var records = format.CountRecords(contents.Length, files.PathOf(name));
            for (var index = 0; index < records; index++)
            {
                var record = contents.Slice(index * format.RecordLength, format.RecordLength);
                format.ValidateLabels(record, files.PathOf(name), index);
                var image = record[format.LabelCounts.Length..];
                pixels.Add(image);
                if (taken == count)
                    continue;
                image.CopyTo(images.bytes[(taken * Pixels)..]);
                labels[taken++] = record[format.LabelCounts.Length - 1];
            }
        }

        return taken == count
            ? guard.Complete(new LabeledImages(images, tensor(labels)))
            : throw new InvalidDataException($"{files.PathOf("")} was changed while it was read.");
    }

    /// <param name="LabelCounts">Number of values of each label of a record; the last label is the class.</param>
    private sealed record CifarFormat(string Name, string[] Train, string Test, string NamesFile, int[] LabelCounts)
    {
        public string[] Files { get; } = [.. Train, Test];

        public int Classes => LabelCounts[^1];

        public int RecordLength => LabelCounts.Length + Pixels;

        public long CountRecords(VerifiedFiles files, string[] names) =>
            names.Sum(name => CountRecords(files.LengthOf(name), files.PathOf(name)));

        public long CountRecords(long length, string path) => length % RecordLength == 0
            ? length / RecordLength
            : throw new InvalidDataException(
                $"{path} is cut short, too long or not a file of {Name}: "
                + $"its {length:N0} bytes are not whole images of {RecordLength:N0} bytes each.");

        public void ValidateLabels(ReadOnlySpan<byte> record, string path, int index)
        {
            for (var at = 0; at < LabelCounts.Length; at++)
                if (record[at] >= LabelCounts[at])
                    throw new InvalidDataException(
                        $"{path} has the label {record[at]} in image {index}, counted from 0; the largest label is {LabelCounts[at] - 1}.");
        }
    }
}
