using System.Buffers.Binary;
using System.Text.RegularExpressions;
using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>
/// Reads data sets that are laid out as MNIST: grey images of one size, and labels, in four IDX files. Those of EMNIST, several sets
/// in one folder, have a name in front, as in <c>emnist-letters-train-images-idx3-ubyte</c>.
/// </summary>
/// <remarks>
/// Sources: the MNIST page of Y. LeCun, C. Cortes and C. Burges; G. Cohen et al., "EMNIST: an extension of MNIST to handwritten
/// letters", 2017, arXiv:1702.05373, whose images lie transposed in their files and whose mapping files name the classes.
/// </remarks>
internal partial class IdxReader
{
    private const string Transposed = "emnist-";
    private const int MnistSide = 28;

    /// <summary>The canonical MNIST, which comes with the program.</summary>
    public static string BundledMnist => Path.Combine(AppContext.BaseDirectory, "data", "mnist");

    /// <summary>Whether a path is that of such a set, whole or not, or of a folder with several.</summary>
    /// <param name="path">As <see cref="Load"/> takes it.</param>
    public static bool Holds(string path)
    {
        path = Full(path);
        return Directory.Exists(path) ? Prefixes(path).Length > 0 : NamedIn(Path.GetDirectoryName(path), path) is not null;
    }

    /// <summary>
    /// Reads the four files <c>{train,t10k}-images-idx3-ubyte</c> and <c>{train,t10k}-labels-idx1-ubyte</c>, or
    /// <c>NAME-{train,test}-...</c>, each raw or with <c>.gz</c> behind its name. There are as many classes as the largest training
    /// label plus one. What a file <c>SHA256SUMS</c> beside them lists must be so.
    /// </summary>
    /// <remarks>
    /// The classes are named by <c>classes.txt</c> (<c>NAME-classes.txt</c>), one a line, or by EMNIST's <c>NAME-mapping.txt</c>, where
    /// there is one of them; otherwise by their labels. Images in files whose names begin with <c>emnist-</c> are transposed.
    /// </remarks>
    /// <param name="path">The folder that holds them; of several sets in it, the path of the folder and the NAME of one, as in
    /// <c>DIR/emnist-letters</c>.</param>
    /// <param name="trainLimit">Take only this many of the training images, the first ones.</param>
    /// <param name="testLimit">Take only this many of the test images, the first ones.</param>
    /// <exception cref="IOException">The folder or one of the files is missing or cannot be read, or it is not said which set is meant.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or the files do not belong together.</exception>
    public static DataSet Load(string path, int? trainLimit = null, int? testLimit = null)
    {
        path = Full(path);
        var (folder, prefix) = Find(path);
        var files = new VerifiedFiles(folder);
        var (train, test) = (Read(files, prefix, "train"), Read(files, prefix, prefix.Length == 0 ? "t10k" : "test"));
        var names = NamesOf(files, prefix, ClassesOf(train));
        EnsureAlike(train, test, names.Length);

        // What is measured is measured on all training images, whatever the limit.
        var pixels = new MeanStdAccumulator(channels: 1);
        pixels.Add(train.Images.Values.Span);
        var fit = IsMadeLikeMnist(train.Images) ? ImageFit.Ink : ImageFit.Stretch;
        return new DataSet(path, Take(train, prefix, trainLimit), Take(test, prefix, testLimit), names, pixels.Normalization, fit, files.Sha256)
        {
            Found = (train.Labels.Values.Length, test.Labels.Values.Length),
        };
    }

    private static int ClassesOf(Part train)
    {
        var labels = train.Labels.Values.Span;
        var classes = 0;
        if (labels.IndexOfAnyExcept(labels[0]) < 0)
            throw new InvalidDataException($"{train.LabelFile} has the label {labels[0]} alone: there is nothing to tell apart in one class.");
        foreach (var label in labels)
            classes = Math.Max(classes, label + 1);
        return classes;
    }

    private static void EnsureAlike(Part train, Part test, int classes)
    {
        if (test.Labels.Values.Span.IndexOfAnyExceptInRange<byte>(0, (byte)(classes - 1)) is var wrong and >= 0)
            throw new InvalidDataException(
                $"{test.LabelFile} has the label {test.Labels.Values.Span[wrong]} at position {wrong}; the largest label of the training images is {classes - 1}.");
        if (!test.Images.Dimensions.Skip(1).SequenceEqual(train.Images.Dimensions.Skip(1)))
            throw new InvalidDataException(
                $"{test.ImageFile} holds images of {Size(test)} pixels, but the training images have {Size(train)}. Do they belong together?");

        static string Size(Part part) => $"{part.Images.Dimensions[1]}x{part.Images.Dimensions[2]}";
    }

    private static Part Read(VerifiedFiles files, string prefix, string part)
    {
        var images = ReadIdx(files, $"{prefix}{part}-images-idx3-ubyte", 3, out var imageFile);
        var labels = ReadIdx(files, $"{prefix}{part}-labels-idx1-ubyte", 1, out var labelFile);
        if (images.Dimensions[0] != labels.Dimensions[0])
            throw new InvalidDataException($"{imageFile} holds {images.Dimensions[0]} images, but {labelFile} {labels.Dimensions[0]} labels. Do they belong together?");
        return new Part(images, imageFile, labels, labelFile);
    }

    private static IdxArray ReadIdx(VerifiedFiles files, string name, int rank, out string path)
    {
        var file = files.Has(name) ? name : $"{name}.gz";
        path = files.PathOf(file);
        if (!files.Has(file))
            throw new FileNotFoundException(
                $"{Path.GetDirectoryName(path)} holds neither {name} nor {file}; a data set is four IDX files, images and labels to train and to test on.");
        return IdxFile.Parse(files.Read(file), path, rank);
    }

    private static LabeledImages Take(Part part, string prefix, int? limit)
    {
        var (height, width) = ((int)part.Images.Dimensions[1], (int)part.Images.Dimensions[2]);
        var count = Math.Min(limit ?? int.MaxValue, part.Labels.Values.Length);
        var pixels = part.Images.Values[..(count * height * width)];
        if (prefix.StartsWith(Transposed, StringComparison.Ordinal))
        {
            Transpose(pixels.Span, height, width);
            (height, width) = (width, height);
        }

        // Not by tensor(), which would keep a second array of them on .NET's heap.
        var images = empty([count, 1, height, width], ScalarType.Byte);
        pixels.Span.CopyTo(images.bytes);
        using var labels = tensor(part.Labels.Values[..count], [count]);
        return new LabeledImages(images, labels.to_type(ScalarType.Int64));
    }

    // In place, since there may be hundreds of megabytes.
    private static void Transpose(Span<byte> images, int height, int width)
    {
        var image = new byte[height * width];
        for (; !images.IsEmpty; images = images[image.Length..])
        {
            images[..image.Length].CopyTo(image);
            for (var y = 0; y < height; y++)
                for (var x = 0; x < width; x++)
                    images[x * height + y] = image[y * width + x];
        }
    }

    // MNIST's digits were made to fit into 20x20 pixels and centred in 28x28, which leaves the outermost two pixels black in 52,772 of
    // its 60,000 training images, 88 %. Of Fashion-MNIST's, 28x28 as well, that is so in none. Half of them lies far from both.
    private static bool IsMadeLikeMnist(IdxArray images)
    {
        if (images.Dimensions is not [var count, MnistSide, MnistSide])
            return false;
        var black = 0L;
        for (var rest = images.Values.Span; !rest.IsEmpty; rest = rest[(MnistSide * MnistSide)..])
            if (HasBlackFrame(rest[..(MnistSide * MnistSide)]))
                black++;
        return 2 * black > count;
    }

    // The two pixels at the end of a row and those at the beginning of the next one lie side by side, four bytes to be read at once.
    private static bool HasBlackFrame(ReadOnlySpan<byte> image)
    {
        const int Frame = 2;
        const int Ends = Frame * MnistSide + Frame;
        if (image[..Ends].ContainsAnyExcept((byte)0) || image[^Ends..].ContainsAnyExcept((byte)0))
            return false;
        for (var at = (Frame + 1) * MnistSide - Frame; at < image.Length - Ends; at += MnistSide)
            if (BinaryPrimitives.ReadUInt32LittleEndian(image[at..]) != 0)
                return false;
        return true;
    }

    private static string[] NamesOf(VerifiedFiles files, string prefix, int classes)
    {
        var (names, mapping) = ($"{prefix}classes.txt", $"{prefix}mapping.txt");
        return files.Has(names) ? ClassNames.FromLines(files.Read(names), files.PathOf(names), classes)
            : files.Has(mapping) ? ClassNames.FromMapping(files.Read(mapping), files.PathOf(mapping), classes)
            : ClassNames.Numbers(classes);
    }

    // In which folder the set is, and what its files have in front of their names.
    private static (string Folder, string Prefix) Find(string path)
    {
        if (File.Exists(path))
            throw new IOException($"{path} is a file; name the folder that holds the four IDX files of a data set.");
        if (!Directory.Exists(path))
        {
            var parent = Path.GetDirectoryName(path);
            return NamedIn(parent, path) is { } named
                ? (parent!, named)
                : throw new DirectoryNotFoundException($"The data folder {path} does not exist.").With(Remedy.NameData, Choice(parent));
        }

        return Prefixes(path) switch
        {
            [] or ["", ..] => (path, ""),
            [var only] => (path, only),
            _ => throw new IOException($"{path} holds several data sets.").With(Remedy.NameData, Choice(path)),
        };
    }

    // What stands in front of the names of a set's files: "" of MNIST's, "emnist-letters-" of one of EMNIST's. In order.
    private static string[] Prefixes(string folder) =>
    [
        .. Directory.EnumerateFiles(folder)
            .Select(file => FileOfSet().Match(Path.GetFileName(file)))
            .Where(match => match.Success)
            .Select(match => match.Groups["prefix"].Value)
            .Distinct()
            .Order(StringComparer.Ordinal),
    ];

    private static string? NamedIn(string? parent, string path) =>
        Directory.Exists(parent) ? Prefixes(parent).FirstOrDefault(prefix => prefix == $"{Path.GetFileName(path)}-") : null;

    private static string? Choice(string? folder)
    {
        string[] paths = Directory.Exists(folder) ? [.. Prefixes(folder).Where(prefix => prefix.Length > 0).Select(prefix => Path.Combine(folder, prefix[..^1]))] : [];
        return paths.Length == 0 ? null : string.Join(", ", paths);
    }

    private static string Full(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    [GeneratedRegex(@"^(?:(?<prefix>)(?:train|t10k)|(?<prefix>.+-)(?:train|test))-(?:images-idx3|labels-idx1)-ubyte(?:\.gz)?$", RegexOptions.Singleline)]
    private static partial Regex FileOfSet();

    private sealed record Part(IdxArray Images, string ImageFile, IdxArray Labels, string LabelFile);
}
