using MnistCnn.Runtime;

namespace MnistCnn.Data;

internal static class DataReader
{
    private const int MaxSearched = 1000; // folders

    private static readonly string[] Archives = [".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar"];

    // The formats of whole data sets. A new one is a row here.
    private static readonly (Func<string, bool> CanRead, Func<string, int?, int?, DataSet> Load)[] Readers =
    [
        (IdxReader.CanRead, IdxReader.Load),
        (CifarReader.CanRead, CifarReader.Load),
    ];

    /// <summary>The data set of commands that name none.</summary>
    public static string Default => IdxReader.BundledMnist;

    /// <summary>
    /// Recognizes and reads the data set at a path: a folder of MNIST's, EMNIST's or CIFAR's files, the common beginning of the names of
    /// EMNIST's files, or a folder of images.
    /// </summary>
    /// <param name="imageSettings">How a folder of images is read; null for the defaults.</param>
    /// <param name="progress">Receives the fraction that is done of a folder of images.</param>
    /// <param name="copies">Processes that share this machine's memory and each hold the whole set.</param>
    /// <param name="classOrder">Order of the classes of a folder of images, if it names the same classes; null for their own order.</param>
    /// <param name="validate">
    /// Receives the resolved settings of a folder of images before an image is decoded, and may throw. Other formats are read at once.
    /// </param>
    /// <exception cref="UserException">The images do not fit into memory, or the settings do not fit the folder.</exception>
    public static DataSet Load(
        string path,
        ImageSettings? imageSettings = null,
        int? trainLimit = null,
        int? testLimit = null,
        Action<double>? progress = null,
        int copies = 1,
        IReadOnlyList<string>? classOrder = null,
        Action<ImageSettings>? validate = null)
    {
        path = Find(Path.GetFullPath(path));
        if (Array.Find(Readers, reader => reader.CanRead(path)).Load is { } load)
            return load(path, trainLimit, testLimit);
        if (!Directory.Exists(path)) // may be a misspelt set of several
            return IdxReader.Load(path, trainLimit, testLimit);
        return ImageFolder.Load(path, imageSettings ?? new ImageSettings(), trainLimit, testLimit, progress, copies, classOrder, validate);
    }

    /// <summary>Whether <see cref="Load"/> finds anything at a path.</summary>
    public static bool Exists(string? path) => path is not null && (Path.Exists(path) || IdxReader.CanRead(path));

    /// <summary>Whether a path is read as a folder of images, which may take long. False if <see cref="Load"/> fails at once.</summary>
    public static bool IsImageFolder(string path)
    {
        string? found = null;
        FileErrors.Try(() => found = Find(Path.GetFullPath(path)));
        return Directory.Exists(found) && !IsReadable(found);
    }

    // Finds the data set in a folder, or in a folder inside it: archives often have one or two folders around their contents.
    private static string Find(string path)
    {
        path = Path.TrimEndingDirectorySeparator(path);
        if (File.Exists(path))
            throw new IOException(IsArchive(path)
                ? $"{path} is an archive: unpack it, and name the folder."
                : $"{path} is a file; name the folder that holds the data set.");
        if (!Directory.Exists(path))
            return path;
        string[] level = [path];
        List<string> searched = [];
        while (level.Length > 0 && searched.Count < MaxSearched)
        {
            if (level.Where(folder => CanRead(folder, minClasses: 2)).ToArray() is not [] and var found)
                return found is [var only]
                    ? only
                    : throw new IOException($"{path} holds several data sets.").With(Remedy.NameData, string.Join(", ", found.Take(4)));
            searched.AddRange(level);
            level = [.. level.SelectMany(ImageFolder.Subfolders).Take(MaxSearched)];
        }

        if (CanRead(path, minClasses: 1)) // reading it is an error that names the class
            return path;
        var images = searched.FirstOrDefault(ImageFolder.HasImages);
        var archive = Directory.EnumerateFiles(path).FirstOrDefault(IsArchive);
        throw new InvalidDataException(
            $"{path} is not a data set: it holds neither IDX files (train-images-idx3-ubyte and three more), nor CIFAR's "
            + "(data_batch_1.bin or train.bin), nor folders of images."
            + (images is not null ? $" There are images in {images}: each class needs a folder with its images directly inside."
                : archive is not null ? $" Unpack {archive}."
                : $"{new SkippedFiles(ImageFolder.CountOtherFiles(searched), 0, 0, [])}" is not "" and var files
                    ? $" It holds {files}; images must be PNG, JPEG, WebP, GIF, BMP, TIFF or PNM." : ""));
    }

    private static bool IsArchive(string path) => Archives.Contains(Path.GetExtension(path).ToLowerInvariant());

    private static bool IsReadable(string path) => Readers.Any(reader => reader.CanRead(path));

    private static bool CanRead(string folder, int minClasses) => IsReadable(folder) || ImageFolder.CanRead(folder, minClasses);
}
