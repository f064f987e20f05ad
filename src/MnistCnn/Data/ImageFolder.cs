namespace MnistCnn.Data;

/// <summary>
/// A folder of images, one subfolder per class: <c>DIR/CLASS/*.png</c>, or <c>DIR/train/CLASS</c> and <c>DIR/test/CLASS</c> (or
/// <c>val</c>). Without test images of its own, it is split by <see cref="TrainTestSplit"/>.
/// </summary>
internal static class ImageFolder
{
    /// <summary>Whether a folder, or <c>train</c> inside it, has subfolders with images in them.</summary>
    public static bool CanRead(string folder) =>
        ClassFolders(folder).Concat(ClassFolders(Path.Combine(folder, "train"))).Any(sub => ImagesIn(sub).Any());

    /// <summary>Reads the images on all cores; see <see cref="DataReader.Load"/> for the parameters and exceptions.</summary>
    /// <returns>Classes by name. Each split mixes its classes evenly, so that the first images are of all classes.</returns>
    public static DataSet Load(
        string folder,
        ImageSettings settings,
        int? trainLimit = null,
        int? testLimit = null,
        Action<double>? progress = null,
        int copies = 1)
    {
        var trainFolder = Path.Combine(folder, "train");
        var testFolder = new[] { "test", "val" }.Select(name => Path.Combine(folder, name)).FirstOrDefault(Directory.Exists);
        var isSplit = Directory.Exists(trainFolder) && testFolder is not null;
        if (!isSplit && Directory.Exists(trainFolder) && !ImagesIn(trainFolder).Any())
            throw new InvalidDataException(
                $"{folder} has train, but neither test nor val beside it. Name {trainFolder} to have it split.");

        var classesFolder = isSplit ? trainFolder : folder;
        string[] classNames = [.. ClassFolders(classesFolder).Select(sub => Path.GetFileName(sub))];
        if (classNames.Length < 2)
            throw new InvalidDataException(
                $"{classesFolder} has {(classNames is [var only] ? $"one class only, {only}" : "no class")}: "
                + "an image data set has one subfolder per class, and at least two classes.");
        if (isSplit && ClassFolders(testFolder!).FirstOrDefault(sub => !classNames.Contains(Path.GetFileName(sub))) is { } unknown)
            throw new InvalidDataException($"{unknown} is a class that {trainFolder} does not have.");
        ImageFile[] files = isSplit
            ? [.. FindFiles(trainFolder, classNames, isTest: false), .. FindFiles(testFolder!, classNames, isTest: true)]
            : [.. FindFiles(folder, classNames, isTest: null)];
        return new ImageFolderReader(folder, settings, progress, copies).Read(classNames, files, trainLimit, testLimit);
    }

    /// <summary>Lists the images in a folder by name; none if it is no folder.</summary>
    internal static IEnumerable<string> ImagesIn(string folder) =>
        Visible(folder, Directory.EnumerateFiles).Where(ImageDecoder.IsImageName);

    // A class may lack a test folder, but a folder must have images.
    private static IEnumerable<ImageFile> FindFiles(string parent, string[] classNames, bool? isTest)
    {
        foreach (var (label, name) in classNames.Index())
        {
            var folder = Path.Combine(parent, name);
            if (isTest == true && !Directory.Exists(folder))
                continue;
            var paths = ImagesIn(folder).ToArray();
            if (paths.Length == 0)
                throw new InvalidDataException(
                    $"The class {folder} holds no image ({string.Join(", ", ImageDecoder.Extensions)}). Put some into it, or remove it.");
            foreach (var path in paths)
                yield return new ImageFile(path, Path.GetRelativePath(parent, path), label, isTest);
        }
    }

    private static IEnumerable<string> ClassFolders(string folder) => Visible(folder, Directory.EnumerateDirectories);

    // Hidden entries belong to the system or to other programs.
    private static IEnumerable<string> Visible(string folder, Func<string, IEnumerable<string>> enumerate) => Directory.Exists(folder)
        ? enumerate(folder).Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal)
        : [];
}

/// <summary>An image file in a class folder.</summary>
/// <param name="Name">Path below the folder of the classes.</param>
/// <param name="IsTest">Null if the folder does not say which images are test images.</param>
internal sealed record ImageFile(string Path, string Name, int Class, bool? IsTest);

/// <summary>An image file whose header has been read.</summary>
/// <param name="Sha256">SHA-256 of the bytes, lower-case; empty if they could not be read.</param>
/// <param name="Header">Null if the file is unreadable.</param>
internal sealed record ScannedImage(ImageFile File, string Sha256, ImageHeader? Header);
