using System.Globalization;
using System.Security.Cryptography;
using MnistCnn.Files;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Reads a data set in MNIST's four files: grey images of 28x28 pixels in ten classes.</summary>
public static class MnistReader
{
    private const string SumsFile = "SHA256SUMS";
    private const int Side = 28;
    private const int Classes = 10;

    /// <summary>The canonical MNIST, which comes with the program.</summary>
    public static string BundledFolder => Path.Combine(AppContext.BaseDirectory, "data", "mnist");

    /// <summary>
    /// Reads the four files <c>{train,t10k}-images-idx3-ubyte</c> and <c>{train,t10k}-labels-idx1-ubyte</c>, each raw or
    /// with <c>.gz</c> behind its name. What a file <c>SHA256SUMS</c> beside them lists must be so.
    /// </summary>
    /// <param name="folder">The folder that holds them.</param>
    /// <param name="trainLimit">Take only this many of the training images, the first ones.</param>
    /// <param name="testLimit">Take only this many of the test images, the first ones.</param>
    /// <exception cref="IOException">The folder or one of the files is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or the files do not belong together.</exception>
    public static DataSet Load(string folder, int? trainLimit = null, int? testLimit = null)
    {
        folder = Path.GetFullPath(folder);
        if (File.Exists(folder))
            throw new IOException($"{folder} is a file; name the folder that holds MNIST's four files.");
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"The data folder {folder} does not exist.");

        var files = new SummedFiles(folder);
        Normalization? normalization = null;
        var train = LoadSet("train", trainLimit);
        try
        {
            var names = Enumerable.Range(0, Classes).Select(digit => digit.ToString(CultureInfo.InvariantCulture)).ToArray();
            return new DataSet(folder, train, LoadSet("t10k", testLimit), names, normalization!, PictureFit.Ink, files.Sha256);
        }
        catch
        {
            train.Dispose();
            throw;
        }

        ImageSet LoadSet(string prefix, int? limit)
        {
            var images = files.Read($"{prefix}-images-idx3-ubyte", 3, out var imageFile);
            var labels = files.Read($"{prefix}-labels-idx1-ubyte", 1, out var labelFile);
            Check(images, imageFile, labels, labelFile);

            // Of all images to learn from, whatever the limit.
            normalization ??= Normalization.Of(images.Values.Span);
            var count = Math.Min(limit ?? int.MaxValue, labels.Values.Length);
            using var labelBytes = tensor(labels.Values[..count], [count]);
            return new ImageSet(
                tensor(images.Values[..(count * Side * Side)], [count, 1, Side, Side]),
                labelBytes.to_type(ScalarType.Int64));
        }
    }

    private static void Check(IdxArray images, string imageFile, IdxArray labels, string labelFile)
    {
        if (images.Dimensions[1] != Side || images.Dimensions[2] != Side)
            throw new InvalidDataException($"{imageFile} holds images of {images.Dimensions[1]}x{images.Dimensions[2]} pixels; they must have {Side}x{Side}.");
        if (images.Dimensions[0] != labels.Dimensions[0])
            throw new InvalidDataException($"{imageFile} holds {images.Dimensions[0]} images, but {labelFile} {labels.Dimensions[0]} labels. Do they belong together?");
        if (labels.Values.Span.IndexOfAnyExceptInRange<byte>(0, Classes - 1) is var wrong and >= 0)
            throw new InvalidDataException($"{labelFile} has the label {labels.Values.Span[wrong]} at position {wrong}; labels are 0 to {Classes - 1}.");
    }

    /// <summary>The files of a folder, held to the sums that lie beside them.</summary>
    private sealed class SummedFiles(string folder)
    {
        private readonly Dictionary<string, string> expected = ReadSums(Path.Combine(folder, SumsFile));
        private readonly SortedDictionary<string, string> read = new(StringComparer.Ordinal);

        public IReadOnlyDictionary<string, string> Sha256 => read;

        public IdxArray Read(string name, int rank, out string path)
        {
            path = Path.Combine(folder, name);
            if (!File.Exists(path))
                path += ".gz";
            if (!File.Exists(path))
                throw new FileNotFoundException($"{folder} holds neither {name} nor {name}.gz; a data set is MNIST's four IDX files.");

            var contents = InputFile.ReadAllBytes(path);
            var sum = Convert.ToHexStringLower(SHA256.HashData(contents));
            if (expected.TryGetValue(Path.GetFileName(path), out var right) && right != sum)
                throw new InvalidDataException($"{path} was changed or damaged: its SHA-256 is not the one in {SumsFile}. Fetch it again.");
            read.Add(Path.GetFileName(path), sum);
            return IdxFile.Parse(contents, path, rank);
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
}
