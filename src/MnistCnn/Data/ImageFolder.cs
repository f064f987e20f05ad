namespace MnistCnn.Data;

/// <summary>
/// A folder of images, one subfolder per class: <c>DIR/CLASS/*.png</c>, or <c>DIR/train/CLASS</c> with <c>DIR/val/CLASS</c>,
/// <c>DIR/test/CLASS</c> or both. Without test or validation images of its own, it is split by <see cref="TrainTestSplit"/>.
/// </summary>
internal static partial class ImageFolder
{
    private static readonly string[] TrainNames = ["training", "train"];
    private static readonly string[] ValidationNames = ["validation", "val", "valid", "eval"];
    private static readonly string[] TestNames = ["test", "testing"];

    // Left by systems and tools, besides hidden files.
    private static readonly string[] Junk =
        ["__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", "Thumbs.db", "desktop.ini"];

    /// <summary>Whether a folder, or its folder of training images, has a number of subfolders with images in them.</summary>
    public static bool CanRead(string folder, int minClasses) =>
        HasClasses(folder, minClasses) || FindSplit(folder, TrainNames) is not null;

    /// <summary>Reads the images on all cores; see <see cref="DataReader.Load"/> for the parameters and exceptions.</summary>
    /// <returns>Each split mixes its classes evenly, so that the first images are of all classes.</returns>
    public static DataSet Load(
        string folder,
        ImageSettings settings,
        int? trainLimit = null,
        int? testLimit = null,
        Action<double>? progress = null,
        int copies = 1,
        IReadOnlyList<string>? classOrder = null,
        Action<ImageSettings>? validate = null)
    {
        var train = FindSplit(folder, TrainNames);
        var (validation, test) = train is null ? (null, null) : (FindLabelled(ValidationNames), FindLabelled(TestNames));
        (DataSplit? Split, string? Folder)[] candidates = test is null
            ? [(DataSplit.Train, train), (DataSplit.Test, validation)]
            : [(DataSplit.Train, train), (DataSplit.Validation, validation), (DataSplit.Test, test)];
        var classesFolder = train ?? folder;
        (DataSplit? Split, string Folder)[] splits = (validation ?? test) is null
            ? [(null, classesFolder)]
            : [.. candidates.Where(split => split.Folder is not null).Select(split => (split.Split, split.Folder!))];

        string[] classNames = ClassNames.Order(Subfolders(classesFolder).Where(sub => HasImages(sub)).Select(NameOf), classOrder);
        if (classNames.Length < 2)
            throw new InvalidDataException(
                $"{classesFolder} has one class only, {classNames[0]}: "
                + "an image data set has one subfolder per class, and at least two classes with images.");
        if (classNames.All(name => SplitOf(name) is not null))
            throw new InvalidDataException(
                $"{Path.Combine(classesFolder, classNames[0])} holds images, but no folder per class: put each class into a folder.");
        string[] classFolders = [.. splits.SelectMany(split => Subfolders(split.Folder))];
        if (classFolders.FirstOrDefault(sub => HasImages(sub) && !classNames.Contains(NameOf(sub))) is { } unknown)
            throw new InvalidDataException($"{unknown} is a class that {train} does not have.");

        ImageFile[] files =
        [
            .. from split in splits
               from label in Enumerable.Range(0, classNames.Length)
               from path in ImagesIn(Path.Combine(split.Folder, classNames[label]))
               select new ImageFile(path, Path.GetRelativePath(split.Folder, path), label, split.Split),
        ];
        var reader = new ImageFolderReader(folder, settings, progress, copies, validate)
        {
            Skipped = CountSkipped(folder, classFolders),
            Splits = splits is [(null, _)] ? null : splits.ToDictionary(
                split => $"{split.Split}".ToLowerInvariant(), split => Path.GetRelativePath(folder, split.Folder).Replace('\\', '/')),
        };
        if (test is null && validation is not null)
            reader.Splits!.Add("validation", reader.Splits["test"]);
        return reader.Read(classNames, files, trainLimit, testLimit);

        // One folder that is no class, such as Final_Test/Images, holds images without classes.
        string? FindLabelled(string[] names) => FindSplit(folder, names) is { } split
            && (Subfolders(split).Where(HasImages).ToArray() is not [var only] || HasImages(Path.Combine(train!, NameOf(only))))
            ? split
            : null;
    }

    /// <summary>Lists the images in a folder by name; none if it is no folder.</summary>
    internal static IEnumerable<string> ImagesIn(string folder) =>
        Files(folder).Where(ImageDecoder.IsImageName).Order(StringComparer.Ordinal);

    internal static bool HasImages(string folder) => Files(folder).Any(ImageDecoder.IsImageName);

    internal static IEnumerable<string> Subfolders(string folder) =>
        Visible(folder, Directory.EnumerateDirectories).Order(StringComparer.Ordinal);

    internal static IEnumerable<string> Files(string folder) => Visible(folder, Directory.EnumerateFiles);

    // A folder in a folder of its own name, as unpackers leave it, is no class.
    private static bool HasClasses(string folder, int minClasses = 1) =>
        Subfolders(folder).Where(sub => HasImages(sub) && NameOf(sub) != NameOf(folder)).Take(minClasses).Count() == minClasses;

    // Finds the folder of a split by its name or, as in seg_train/seg_train, by a word of its name.
    private static string? FindSplit(string folder, string[] names)
    {
        (string Name, string Folder)[] splits =
        [
            .. from sub in Subfolders(folder)
               let name = NameOf(sub).ToLowerInvariant()
               where SplitOf(name) == names && !HasImages(sub) && HasClasses(Unwrap(sub))
               select (name, Unwrap(sub)),
        ];
        var exact = splits.Where(split => names.Contains(split.Name)).ToArray();
        return (exact.Length > 0 ? exact : splits) switch
        {
            [] => null,
            [var only] => only.Folder,
            [var first, var second, ..] => throw new InvalidDataException(
                $"{first.Folder} and {second.Folder} are both folders of {names[0]} images: merge them, or move one of them elsewhere."),
        };
    }

    // Returns the first split that a word of a name says; null if there is none. COCO's folders have years: train2017.
    private static string[]? SplitOf(string name) => new[] { TrainNames, ValidationNames, TestNames }
        .FirstOrDefault(names => Words().Split(name.ToLowerInvariant()).Any(names.Contains));

    // Archives often wrap a folder into another one.
    private static string Unwrap(string folder)
    {
        while (Subfolders(folder).Take(2).ToArray() is [var only] && !HasClasses(folder) && !HasImages(folder))
            folder = only;
        return folder;
    }

    internal static Dictionary<string, int> CountOtherFiles(IEnumerable<string> folders) =>
        folders.SelectMany(Files).Where(path => !ImageDecoder.IsImageName(path))
            .CountBy(path => Path.GetExtension(path).ToLowerInvariant())
            .OrderByDescending(extension => extension.Value).ThenBy(extension => extension.Key, StringComparer.Ordinal)
            .ToDictionary();

    private static SkippedFiles CountSkipped(string folder, string[] classFolders)
    {
        string[] empty = [.. classFolders.Where(sub => !HasImages(sub)).Select(sub => Path.GetRelativePath(folder, sub))];
        return new SkippedFiles(
            CountOtherFiles(classFolders),
            classFolders.Sum(sub => Count(sub, _ => true) - Files(sub).Count()),
            Count(folder, ImageDecoder.IsImageName),
            empty);

        int Count(string parent, Func<string, bool> isCounted) =>
            Files(parent).Count(isCounted)
            + Subfolders(parent).Where(sub => !classFolders.Contains(sub) && !IsLink(sub)).Sum(sub => Count(sub, isCounted));

        static bool IsLink(string path) => File.GetAttributes(path).HasFlag(FileAttributes.ReparsePoint);
    }

    private static string NameOf(string path) => Path.GetFileName(path);

    private static IEnumerable<string> Visible(string folder, Func<string, IEnumerable<string>> enumerate) => Directory.Exists(folder)
        ? enumerate(folder).Where(path => NameOf(path) is var name
            && !name.StartsWith('.') && !Junk.Contains(name, StringComparer.OrdinalIgnoreCase))
        : [];

    [GeneratedRegex(@"[-_. \d]+")]
    private static partial Regex Words();
}

internal enum DataSplit
{
    Train,
    Validation,
    Test,
}

/// <param name="Name">Path below the folder of the classes.</param>
/// <param name="Split">Null if the folder does not say which images are test images.</param>
internal sealed record ImageFile(string Path, string Name, int Class, DataSplit? Split);

/// <summary>An image file whose header has been read.</summary>
/// <param name="Sha256">SHA-256 of the bytes, lower-case; empty if they could not be read.</param>
/// <param name="Header">Null if the file is unreadable.</param>
internal sealed record ScannedImage(ImageFile File, string Sha256, ImageHeader? Header);
