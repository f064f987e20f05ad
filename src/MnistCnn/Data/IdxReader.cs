using MnistCnn.Runtime;

namespace MnistCnn.Data;

/// <summary>
/// Reads data sets in MNIST's layout: grey images of one size and labels in four IDX files. EMNIST's files, several sets in one folder,
/// have a prefix, as in <c>emnist-letters-train-images-idx3-ubyte</c>.
/// </summary>
/// <remarks>
/// Sources: the MNIST page of Y. LeCun, C. Cortes and C. Burges; G. Cohen et al., "EMNIST: an extension of MNIST to handwritten
/// letters", 2017, arXiv:1702.05373, whose files store the images transposed and whose mapping files name the classes.
/// </remarks>
internal static partial class IdxReader
{
    private const string TransposedPrefix = "emnist-";
    private const int MnistSide = 28;

    public static string BundledMnist => Path.Combine(AppContext.BaseDirectory, "data", "mnist");

    /// <summary>Whether <see cref="Load"/> finds files of a set at a path, complete or not.</summary>
    public static bool CanRead(string path) =>
        Directory.Exists(path) ? Prefixes(path).Length > 0 : Prefixes(Path.GetDirectoryName(path)).Contains(PrefixOf(path));

    /// <summary>
    /// Reads <c>{train,t10k}-images-idx3-ubyte</c> and <c>{train,t10k}-labels-idx1-ubyte</c>, or <c>NAME-{train,test}-...</c>, each raw or
    /// with <c>.gz</c> appended. As unpackers leave them, names may have a dot before <c>idx</c>, and each file may be in a folder of its
    /// name. The largest training label decides the number of classes. <c>classes.txt</c> (<c>NAME-classes.txt</c>) or EMNIST's
    /// <c>NAME-mapping.txt</c> names the classes; without them, the names are the labels. Files listed in <c>SHA256SUMS</c> are verified.
    /// </summary>
    /// <param name="path">Folder of the files; <c>DIR/NAME</c> selects one of several sets in a folder.</param>
    /// <param name="trainLimit">Takes only the first N training images; the normalization is measured on all.</param>
    public static DataSet Load(string path, int? trainLimit = null, int? testLimit = null)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var (folder, prefix) = Find(path);
        var files = new VerifiedFiles(folder);
        var names = FilesOfSets(folder).ToArray();
        var train = ReadSplit(files, names, prefix, "train");
        var test = ReadSplit(files, names, prefix, prefix.Length == 0 ? "t10k" : "test");
        var classNames = ReadClassNames(files, prefix, CountClasses(train));
        ValidateTest(test, train, classNames.Length);
        var pixels = new MeanStdAccumulator(channels: 1);
        pixels.Add(train.Images.Values.Span);
        var fit = IsMadeLikeMnist(train.Images) ? ImageFit.Ink : ImageFit.Stretch;
        var isTransposed = prefix.StartsWith(TransposedPrefix, StringComparison.Ordinal);
        var (trainImages, testImages) = (Take(train, trainLimit, isTransposed), Take(test, testLimit, isTransposed));
        return new DataSet(path, trainImages, testImages, classNames, pixels.Normalization, fit, files.Sha256)
        {
            Report = new LoadReport(train.Labels.Values.Length, test.Labels.Values.Length),
        };
    }

    private static (string Folder, string Prefix) Find(string path)
    {
        if (Directory.Exists(path))
            return Prefixes(path) switch
            {
                [] or ["", ..] => (path, ""),
                [var only] => (path, only),
                _ => throw new IOException($"{path} holds several data sets.").With(Remedy.NameData, Choices(path)),
            };
        var parent = Path.GetDirectoryName(path);
        return Prefixes(parent).Contains(PrefixOf(path))
            ? (parent!, PrefixOf(path))
            : throw new DirectoryNotFoundException($"The data folder {path} does not exist.").With(Remedy.NameData, Choices(parent));
    }

    private static string PrefixOf(string path) => $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(path))}-";

    // Prefixes of the file names of all sets in a folder, in order: "" for MNIST's, "emnist-letters-" for one of EMNIST's.
    private static string[] Prefixes(string? folder) =>
        [.. FilesOfSets(folder).Select(file => Prefix(file)).Distinct().Order(StringComparer.Ordinal)];

    // Relative paths.
    private static IEnumerable<string> FilesOfSets(string? folder) => !Directory.Exists(folder) ? [] :
        from parent in Directory.EnumerateDirectories(folder).Where(IsFileOfSet).Prepend(folder)
        from file in Directory.EnumerateFiles(parent).Where(IsFileOfSet)
        select Path.GetRelativePath(folder, file).Replace('\\', '/');

    private static bool IsFileOfSet(string path) => FileOfSet().IsMatch(Path.GetFileName(path));

    private static string Prefix(string path) => FileOfSet().Match(Path.GetFileName(path)).Groups["prefix"].Value;

    private static string? Choices(string? folder)
    {
        string[] paths = [.. Prefixes(folder).Where(prefix => prefix.Length > 0).Select(prefix => Path.Combine(folder!, prefix[..^1]))];
        return paths.Length == 0 ? null : string.Join(", ", paths);
    }

    private static IdxSplit ReadSplit(VerifiedFiles files, string[] names, string prefix, string split)
    {
        var images = ReadIdx(files, names, $"{prefix}{split}-images-idx3-ubyte", rank: 3);
        var labels = ReadIdx(files, names, $"{prefix}{split}-labels-idx1-ubyte", rank: 1);
        return images.Dimensions[0] == labels.Dimensions[0]
            ? new IdxSplit(images, labels)
            : throw new InvalidDataException(
                $"{images.Name} holds {images.Dimensions[0]} images, but {labels.Name} {labels.Dimensions[0]} labels. "
                + "Do they belong together?");
    }

    // Of several copies of a file, takes the one with the most usual name.
    private static IdxArray ReadIdx(VerifiedFiles files, string[] names, string name, int rank)
    {
        var file = names
            .Where(other => Path.GetFileName(other).Replace(".idx", "-idx") is var dashed && (dashed == name || dashed == $"{name}.gz"))
            .MinBy(other => (other.Contains('/'), other.Contains(".idx"), other.EndsWith(".gz")));
        return file is not null
            ? IdxFile.Parse(files.Read(file), files.PathOf(file), rank)
            : throw new FileNotFoundException(
                $"{Path.GetDirectoryName(files.PathOf(name))} holds neither {name} nor {name}.gz; "
                + "a data set is four IDX files: images and labels to train and to test on.");
    }

    private static int CountClasses(IdxSplit train)
    {
        var labels = train.Labels.Values.Span;
        return labels.ContainsAnyExcept(labels[0])
            ? labels.ToArray().Max() + 1
            : throw new InvalidDataException($"{train.Labels.Name} has only the label {labels[0]}; training needs at least two classes.");
    }

    private static string[] ReadClassNames(VerifiedFiles files, string prefix, int classes)
    {
        var (names, mapping) = ($"{prefix}classes.txt", $"{prefix}mapping.txt");
        return files.Has(names) ? ClassNames.FromLines(files.Read(names), files.PathOf(names), classes)
            : files.Has(mapping) ? ClassNames.FromMapping(files.Read(mapping), files.PathOf(mapping), classes)
            : ClassNames.Numbers(classes);
    }

    private static void ValidateTest(IdxSplit test, IdxSplit train, int classes)
    {
        var labels = test.Labels.Values.Span;
        if (labels.IndexOfAnyExceptInRange<byte>(0, (byte)(classes - 1)) is var wrong and >= 0)
            throw new InvalidDataException(
                $"{test.Labels.Name} has the label {labels[wrong]} at position {wrong}; "
                + $"the largest label of the training images is {classes - 1}.");
        if (!test.Images.Dimensions.Skip(1).SequenceEqual(train.Images.Dimensions.Skip(1)))
            throw new InvalidDataException(
                $"{test.Images.Name} holds images of {Size(test)} pixels, but the training images have {Size(train)}. "
                + "Do they belong together?");

        static string Size(IdxSplit split) => string.Join('x', split.Images.Dimensions.Skip(1));
    }

    // MNIST's digits fit into 20x20 pixels and are centred in 28x28, so the outermost two pixels are black in 88 % of its training images
    // (52,772 of 60,000). In Fashion-MNIST, 28x28 as well, that is true of none. A half is far from both.
    private static bool IsMadeLikeMnist(IdxArray images)
    {
        if (images.Dimensions is not [var count, MnistSide, MnistSide])
            return false;
        var black = 0L;
        for (var rest = images.Values.Span; !rest.IsEmpty; rest = rest[(MnistSide * MnistSide)..])
            black += HasBlackFrame(rest[..(MnistSide * MnistSide)]) ? 1 : 0;
        return 2 * black > count;
    }

    private static bool HasBlackFrame(ReadOnlySpan<byte> image)
    {
        for (var y = 0; y < MnistSide; y++)
        {
            var row = image.Slice(y * MnistSide, MnistSide);
            if (y is < 2 or >= MnistSide - 2 ? row.ContainsAnyExcept((byte)0) : (row[0] | row[1] | row[^2] | row[^1]) != 0)
                return false;
        }

        return true;
    }

    // The pixels go straight into libtorch's memory: tensor() would keep a second copy on .NET's heap.
    private static LabeledImages Take(IdxSplit split, int? limit, bool isTransposed)
    {
        var (height, width) = ((int)split.Images.Dimensions[1], (int)split.Images.Dimensions[2]);
        var count = Math.Min(limit ?? int.MaxValue, split.Labels.Values.Length);
        var source = split.Images.Values.Span[..(count * height * width)];
        var images = empty(isTransposed ? [count, 1, width, height] : [count, 1, height, width], ScalarType.Byte);
        var pixels = images.bytes;
        if (!isTransposed)
            source.CopyTo(pixels);
        else
            for (var start = 0; start < source.Length; start += height * width)
                for (var y = 0; y < height; y++)
                    for (var x = 0; x < width; x++)
                        pixels[start + x * height + y] = source[start + y * width + x];
        using var labels = tensor(split.Labels.Values[..count], [count]);
        return new LabeledImages(images, labels.to_type(ScalarType.Int64));
    }

    [GeneratedRegex(
        @"^(?:(?<prefix>)(?:train|t10k)|(?<prefix>.+-)(?:train|test))-(?:images[-.]idx3|labels[-.]idx1)-ubyte(?:\.gz)?$",
        RegexOptions.Singleline)]
    private static partial Regex FileOfSet();

    private sealed record IdxSplit(IdxArray Images, IdxArray Labels);
}
