using System.Security.Cryptography;
using CsCheck;
using MnistCnn.Data;

namespace MnistCnn.Tests.Data;

public sealed class CifarReaderTests : IDisposable
{
    private const int Pixels = 3 * 32 * 32;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    public void Images_labels_and_class_names_equal_the_files(int classes)
    {
        SmallCifar.Write(folder.FullPath, classes);
        using var data = CifarReader.Load(folder.FullPath + Path.DirectorySeparatorChar);
        Assert.True(CifarReader.CanRead(folder.FullPath));
        Assert.Equal((folder.FullPath, 3, 32, 32, ImageFit.Stretch), (data.Folder, data.Channels, data.Height, data.Width, data.Fit));
        Assert.Equal(classes == 10 ? SmallCifar.Classes10 : Enumerable.Range(0, 100).Select(label => $"thing {label}"), data.ClassNames);
        AssertRead(Names(classes)[..^1], data.Train);
        AssertRead(Names(classes)[^1..], data.Test);

        // Red first, row by row.
        var first = File.ReadAllBytes(folder[Names(classes)[0]])[(classes / 100 + 1)..];
        Assert.Equal((first[33], first[1024], first[2048]), (At(0, 1, 1), At(1, 0, 0), At(2, 0, 0)));
        byte At(int channel, int y, int x) => data.Train.Images[0, channel, y, x].item<byte>();

        NormalizationTests.AssertIsOf(data.Train.Images, data.Normalization);
        Assert.Equal(Names(classes).Length + 1, data.Sha256.Count);
        Assert.All(data.Sha256, file =>
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(folder[file.Key]))), file.Value));
    }

    [Fact]
    public void Limits_take_the_first_images_and_change_nothing_else()
    {
        SmallCifar.Write(folder.FullPath, 10);
        using var all = CifarReader.Load(folder.FullPath);
        using var some = CifarReader.Load(folder.FullPath, trainLimit: 6, testLimit: 1000);
        Assert.Equal((6, 4), (some.Train.Count, some.Test.Count));
        Assert.Equal(all.Train.Images[..6].data<byte>().ToArray(), some.Train.Images.data<byte>().ToArray());
        Assert.Equal(all.Train.Labels[..6].data<long>().ToArray(), some.Train.Labels.data<long>().ToArray());
        Assert.Equal(all.Normalization, some.Normalization);
        Assert.Equal(all.Sha256, some.Sha256);
    }

    [Fact]
    public void Without_a_names_file_classes_are_numbers()
    {
        SmallCifar.Write(folder.FullPath, 10);
        File.Delete(folder["batches.meta.txt"]);
        using var data = CifarReader.Load(folder.FullPath);
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], data.ClassNames);
        File.WriteAllText(folder["batches.meta.txt"], "airplane\n");
        AssertRefused(folder["batches.meta.txt"], "10 classes", "has: 1.");
    }

    [Fact]
    public void Errors_name_missing_files()
    {
        SmallCifar.Write(folder.FullPath, 10);
        File.Delete(folder["data_batch_3.bin"]);
        Assert.True(CifarReader.CanRead(folder.FullPath));
        var missing = Assert.Throws<FileNotFoundException>(() => CifarReader.Load(folder.FullPath));
        Assert.Contains("does not hold data_batch_3.bin; CIFAR-10", missing.Message);
        SmallCifar.Write(folder.FullPath, 100);
        Assert.Contains("one of CIFAR-10 and CIFAR-100", Assert.Throws<IOException>(() => CifarReader.Load(folder.FullPath)).Message);
        Directory.CreateDirectory(folder["empty/train.bin"]);
        Assert.False(CifarReader.CanRead(folder["empty"]));
        Assert.Contains("one of CIFAR-10 and CIFAR-100", Assert.Throws<IOException>(() => CifarReader.Load(folder["empty"])).Message);
        Assert.False(CifarReader.CanRead(folder["nowhere"]));
        Assert.Contains("is a file", Assert.Throws<IOException>(() => DataReader.Load(folder["train.bin"])).Message);
    }

    [Fact]
    public void A_file_that_differs_from_SHA256SUMS_fails()
    {
        SmallCifar.Write(folder.FullPath, 100);
        File.WriteAllText(folder["SHA256SUMS"], $"{new string('0', 64)}  test.bin\n");
        AssertRefused(folder["test.bin"], "SHA256SUMS");
    }

    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    public void Truncation_within_an_image_fails(int classes)
    {
        SmallCifar.Write(folder.FullPath, classes, images: 2);
        var record = Pixels + 1 + classes / 100;
        foreach (var name in Names(classes))
        {
            var whole = File.ReadAllBytes(folder[name]);
            foreach (var length in Enumerable.Range(0, 2 * record))
            {
                if (length % 61 != 0 && length % record is not (0 or 1) && length % record != record - 1)
                    continue;
                File.WriteAllBytes(folder[name], whole[..length]);
                if (length == record)
                    CifarReader.Load(folder.FullPath).Dispose();
                else
                    AssertRefused(folder[name]);
            }

            File.WriteAllBytes(folder[name], whole);
        }
    }

    // Only a label can be wrong; every other byte is a pixel, and is read as it stands.
    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    public void A_changed_byte_fails_if_it_is_an_invalid_label_and_is_read_otherwise(int classes)
    {
        SmallCifar.Write(folder.FullPath, classes);
        var labels = 1 + classes / 100;
        (from file in Gen.Int[0, Names(classes).Length - 1]
         from image in Gen.Int[0, 3]
         from at in Gen.OneOf(Gen.Int[0, labels - 1], Gen.Int[0, Pixels + labels - 1])
         from value in Gen.OneOf(Gen.Byte, Gen.OneOf(Gen.Byte[9, 10], Gen.Byte[19, 20], Gen.Byte[99, 100]))
         select (name: Names(classes)[file], image, at, value)).Sample(change =>
        {
            var whole = File.ReadAllBytes(folder[change.name]);
            var changed = (byte[])whole.Clone();
            changed[change.image * (Pixels + labels) + change.at] = change.value;
            File.WriteAllBytes(folder[change.name], changed);
            if (change.at >= labels || change.value < (change.at == labels - 1 ? classes : 20))
            {
                using var data = CifarReader.Load(folder.FullPath);
                AssertRead(Names(classes)[..^1], data.Train);
                AssertRead(Names(classes)[^1..], data.Test);
            }
            else
            {
                AssertRefused(folder[change.name], $"label {change.value}", $"image {change.image}");
            }

            File.WriteAllBytes(folder[change.name], whole);
        }, iter: 300, threads: 1);
    }

    private static string[] Names(int classes) => classes == 10 ? SmallCifar.Names10 : SmallCifar.Names100;

    private void AssertRead(string[] names, LabeledImages set)
    {
        var labels = names[0].Contains("batch", StringComparison.Ordinal) ? 1 : 2;
        var records = names.SelectMany(name => File.ReadAllBytes(folder[name]).Chunk(Pixels + labels)).ToArray();
        Assert.Equal([records.Length, 3, 32, 32], set.Images.shape);
        Assert.Equal(records.Select(record => (long)record[labels - 1]), set.Labels.data<long>().ToArray());
        Assert.True(records.SelectMany(record => record[labels..]).ToArray().AsSpan().SequenceEqual(set.Images.data<byte>().ToArray()));
    }

    private void AssertRefused(params string[] parts)
    {
        var message = Assert.Throws<InvalidDataException>(() => CifarReader.Load(folder.FullPath)).Message;
        Assert.DoesNotContain('\n', message);
        foreach (var part in parts)
            Assert.Contains(part, message);
    }
}
