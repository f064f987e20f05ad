namespace MnistCnn.Data;

/// <summary>
/// Reads a folder of pictures, a folder a class: <c>DIR/CLASS/*.png</c>, or with <c>train/</c> and <c>test/</c> (or <c>val/</c>) above
/// the classes. Without those, of each class the files with the smallest SHA-256 are the test, so that it is the same on every
/// machine, and a larger test has a smaller one inside.
/// </summary>
internal static class ImageFolder
{
    private static readonly string[] TestFolders = ["test", "val"];

    /// <summary>Whether a folder holds folders with pictures in them, or such folders under <c>train</c>.</summary>
    public static bool Holds(string folder) =>
        Classes(folder).Concat(Classes(Path.Combine(folder, "train"))).Any(sub => Pictures(sub).Any());

    /// <summary>Reads the pictures, on all cores.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="settings">
    /// How. Without a size, images are as large as the pictures where all have one size of at most 64x64, and 64x64 otherwise.
    /// </param>
    /// <param name="trainLimit">Take only this many of the training images, the first ones.</param>
    /// <param name="testLimit">Take only this many of the test images, the first ones.</param>
    /// <param name="progress">Is told how much is done, from 0 to 1.</param>
    /// <param name="copies">Processes that share this machine's memory and each hold the whole set.</param>
    /// <returns>
    /// The classes in the order of their names. In each part of the set, the classes are mixed evenly, so that any first images are
    /// of all classes.
    /// </returns>
    /// <exception cref="IOException">The folder is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not such a folder, or pictures cannot be read.</exception>
    /// <exception cref="Runtime.UserException">The images would not fit into memory, or the settings do not fit the folder.</exception>
    public static DataSet Load(
        string folder, ImageSettings settings, int? trainLimit = null, int? testLimit = null, Action<double>? progress = null, int copies = 1)
    {
        folder = Path.GetFullPath(folder);
        var trainFolder = Path.Combine(folder, "train");
        var testFolder = TestFolders.Select(name => Path.Combine(folder, name)).FirstOrDefault(Directory.Exists);
        var isSplit = Directory.Exists(trainFolder) && testFolder is not null;
        if (!isSplit && Directory.Exists(trainFolder) && !Pictures(trainFolder).Any())
            throw new InvalidDataException($"{folder} has train, but neither test nor val beside it. Name {trainFolder} to have it split.");

        string[] names = [.. Classes(isSplit ? trainFolder : folder).Select(sub => Path.GetFileName(sub)!)];
        if (names.Length < 2)
            throw new InvalidDataException(
                $"{(isSplit ? trainFolder : folder)} has {(names.Length == 0 ? "no class" : $"one class only, {names[0]}")}: a set of pictures is a folder a class, and two classes or more.");
        List<ImageEntry> pictures = [];
        if (isSplit)
        {
            if (Classes(testFolder!).FirstOrDefault(sub => !names.Contains(Path.GetFileName(sub))) is { } unknown)
                throw new InvalidDataException($"{unknown} is a class that {trainFolder} does not have.");
            pictures.AddRange(Entries(trainFolder, names, isTest: false));
            pictures.AddRange(Entries(testFolder!, names, isTest: true));
        }
        else
        {
            pictures.AddRange(Entries(folder, names, isTest: null));
        }

        return new ImageFolderReader(folder, pictures, settings, progress, copies).Read(names, trainLimit, testLimit);
    }

    // A class may lack pictures to test on, but not its folder's.
    private static IEnumerable<ImageEntry> Entries(string parent, string[] names, bool? isTest)
    {
        foreach (var (number, name) in names.Index().Where(named => isTest != true || Directory.Exists(Path.Combine(parent, named.Item))))
        {
            var folder = Path.Combine(parent, name);
            var pictures = Pictures(folder).ToArray();
            if (pictures.Length == 0)
                throw new InvalidDataException(
                    $"The class {folder} holds no picture ({string.Join(", ", ImageDecoder.Endings)}). Put some right into it, or remove it.");
            foreach (var path in pictures)
                yield return new ImageEntry(path, Path.GetRelativePath(parent, path), number) { IsTest = isTest };
        }
    }

    /// <summary>The pictures in a folder, in the order of their names; none where it is no folder.</summary>
    internal static IEnumerable<string> Pictures(string folder) => Visible(folder, Directory.EnumerateFiles).Where(ImageDecoder.IsNamed);

    private static IEnumerable<string> Classes(string folder) => Visible(folder, Directory.EnumerateDirectories);

    // Hidden ones are of the system, or of other programs.
    private static IEnumerable<string> Visible(string folder, Func<string, IEnumerable<string>> enumerate) => Directory.Exists(folder)
        ? enumerate(folder).Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal)
        : [];
}
