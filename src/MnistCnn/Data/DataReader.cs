using MnistCnn.Runtime;

namespace MnistCnn.Data;

/// <summary>Reads a data set of any supported kind.</summary>
internal static class DataReader
{
    /// <summary>
    /// Recognizes and reads the data set at a path: a folder of MNIST's, EMNIST's or CIFAR's files, the common beginning of the names of
    /// EMNIST's files, or a folder of images.
    /// </summary>
    /// <param name="imageSettings">How a folder of images is read; null for the defaults.</param>
    /// <param name="progress">Receives the fraction that is done of a folder of images.</param>
    /// <param name="copies">Processes that share this machine's memory and each hold the whole set.</param>
    /// <exception cref="IOException">The data set is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The files are damaged or no data set.</exception>
    /// <exception cref="UserException">The images do not fit into memory, or the settings do not fit the folder.</exception>
    public static DataSet Load(
        string path,
        ImageSettings? imageSettings = null,
        int? trainLimit = null,
        int? testLimit = null,
        Action<double>? progress = null,
        int copies = 1)
    {
        path = Path.GetFullPath(path);
        if (File.Exists(path))
            throw new IOException($"{path} is a file; name the folder that holds the data set.");
        if (IdxReader.CanRead(path) || !Directory.Exists(path)) // a missing path may be a misspelt set of several
            return IdxReader.Load(path, trainLimit, testLimit);
        if (CifarReader.CanRead(path))
            return CifarReader.Load(path, trainLimit, testLimit);
        if (ImageFolder.CanRead(path))
            return ImageFolder.Load(path, imageSettings ?? new ImageSettings(), trainLimit, testLimit, progress, copies);
        throw new InvalidDataException(
            $"{path} is not a data set: it holds neither IDX files (train-images-idx3-ubyte and three more), nor CIFAR's "
            + "(data_batch_1.bin or train.bin), nor folders of images.");
    }

    /// <summary>Whether <see cref="Load"/> finds anything at a path.</summary>
    public static bool Exists(string? path) => path is not null && (Path.Exists(path) || IdxReader.CanRead(path));

    /// <summary>Whether a path is read as a folder of images, which may take long.</summary>
    public static bool IsImageFolder(string path) => !IdxReader.CanRead(path) && !CifarReader.CanRead(path) && ImageFolder.CanRead(path);
}
