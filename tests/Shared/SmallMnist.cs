using System.Buffers.Binary;
using System.IO.Compression;
using MnistCnn.Data;

namespace MnistCnn.Tests;

/// <summary>Makes IDX files: a whole data set of random pixels, or single files.</summary>
public static class SmallMnist
{
    public static byte[] Idx(byte[] values, params int[] dimensions)
    {
        var file = new byte[4 + 4 * dimensions.Length + values.Length];
        (file[2], file[3]) = (8, (byte)dimensions.Length);
        foreach (var (index, dimension) in dimensions.Index())
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4 + 4 * index), dimension);
        values.CopyTo(file.AsSpan(4 + 4 * dimensions.Length));
        return file;
    }

    public static byte[] Gzip(byte[] contents)
    {
        using var result = new MemoryStream();
        using (var gzip = new GZipStream(result, CompressionLevel.Optimal))
            gzip.Write(contents);
        return result.ToArray();
    }

    /// <summary>Writes the four files, with random pixels, and labels that go round; the labels are packed or not.</summary>
    public static void Write(
        string folder,
        int train = 20,
        int test = 10,
        int seed = 1,
        bool pack = true,
        int height = 28,
        int width = 28,
        int classes = 10,
        string name = "")
    {
        var random = new Random(seed);
        foreach (var (part, count) in new[] { ("train", train), (name.Length == 0 ? "t10k" : "test", test) })
        {
            var pixels = new byte[count * height * width];
            random.NextBytes(pixels);
            var prefix = name.Length == 0 ? part : $"{name}-{part}";
            File.WriteAllBytes(Path.Combine(folder, $"{prefix}-images-idx3-ubyte"), Idx(pixels, count, height, width));
            var labels = Enumerable.Range(0, count).Select(i => (byte)(i % classes)).ToArray();
            var file = Path.Combine(folder, $"{prefix}-labels-idx1-ubyte");
            File.WriteAllBytes(pack ? file + ".gz" : file, pack ? Gzip(Idx(labels, count)) : Idx(labels, count));
        }
    }

    /// <summary>A data set of grey images as its four files.</summary>
    internal static void Write(string folder, DataSet data)
    {
        Directory.CreateDirectory(folder);
        foreach (var (set, prefix) in new[] { (data.Train, "train"), (data.Test, "t10k") })
        {
            var count = (int)set.Count;
            byte[] labels = [.. set.Labels.data<long>().Select(label => (byte)label)];
            var path = Path.Combine(folder, prefix);
            File.WriteAllBytes($"{path}-images-idx3-ubyte", Idx(set.Images.bytes.ToArray(), count, data.Height, data.Width));
            File.WriteAllBytes($"{path}-labels-idx1-ubyte", Idx(labels, count));
        }
    }
}
