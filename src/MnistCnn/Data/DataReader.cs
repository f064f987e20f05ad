using MnistCnn.Runtime;

namespace MnistCnn.Data;

/// <summary>Reads a data set of any kind that the program knows.</summary>
internal static class DataReader
{
    /// <summary>Recognises what lies at a path, and reads it.</summary>
    /// <param name="path">
    /// A folder with MNIST's or EMNIST's IDX files, or CIFAR's binary files, or folders of pictures; or the first part of the names of
    /// EMNIST's files.
    /// </param>
    /// <param name="pictures">How pictures become images; null for the standard.</param>
    /// <param name="trainLimit">Take only this many of the training images, the first ones.</param>
    /// <param name="testLimit">Take only this many of the test images, the first ones.</param>
    /// <param name="progress">Is told how much is done, from 0 to 1, where it takes long.</param>
    /// <param name="copies">Processes that share this machine's memory and each hold the whole set.</param>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not a data set, or a damaged one.</exception>
    /// <exception cref="UserException">It would not fit into memory, or <paramref name="pictures"/> do not fit it.</exception>
    public static DataSet Load(
        string path, ImageSettings? pictures = null, int? trainLimit = null, int? testLimit = null, Action<double>? progress = null, int copies = 1)
    {
        path = Path.GetFullPath(path);
        if (File.Exists(path))
            throw new IOException($"{path} is a file; name the folder that holds the data set.");
        if (IdxReader.Holds(path) || !Directory.Exists(path))
            return IdxReader.Load(path, trainLimit, testLimit); // what is missing may be one of several sets
        if (CifarReader.Holds(path))
            return CifarReader.Load(path, trainLimit, testLimit);
        if (ImageFolder.Holds(path))
            return ImageFolder.Load(path, pictures ?? new ImageSettings(), trainLimit, testLimit, progress, copies);
        throw new InvalidDataException(
            $"{path} is not a data set: it holds neither IDX files (train-images-idx3-ubyte and three more), nor CIFAR's (data_batch_1.bin or train.bin), nor folders of pictures.");
    }

    /// <summary>Whether anything lies at a path that <see cref="Load"/> would look at.</summary>
    public static bool Exists(string? path) => path is not null && (Path.Exists(path) || IdxReader.Holds(path));

    /// <summary>Whether what lies at a path is read as a folder of pictures, which may take long.</summary>
    public static bool HoldsPictures(string path) => !IdxReader.Holds(path) && !CifarReader.Holds(path) && ImageFolder.Holds(path);
}
