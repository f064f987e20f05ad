using System.Globalization;
using System.Security.Cryptography;
using CsCheck;
using MnistCnn.Data;
using MnistCnn.Runtime;
using TorchSharp;

namespace MnistCnn.Tests.Data;

public sealed class IdxReaderTests : IDisposable
{
    private static readonly string[] Names =
    [
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
    ];

    private readonly TemporaryFolder folder = new();

    /// <summary>Height, width and classes.</summary>
    public static TheoryData<int, int, int> Shapes { get; } = new() { { 1, 1, 2 }, { 16, 16, 3 }, { 28, 28, 256 }, { 33, 17, 5 } };

    public IdxReaderTests() => SmallMnist.Write(folder.FullPath);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_bundled_set_is_the_canonical_MNIST()
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist);
        Assert.Equal((1, 28, 28), (data.Channels, data.Height, data.Width));
        Assert.Equal([60000, 1, 28, 28], data.Train.Images.shape);
        Assert.Equal([10000, 1, 28, 28], data.Test.Images.shape);
        Assert.Equal(torch.uint8, data.Train.Images.dtype);
        Assert.Equal([5, 0, 4, 1, 9], data.Train.Labels[..5].data<long>().ToArray());
        Assert.Equal([7, 2, 1, 0, 4], data.Test.Labels[..5].data<long>().ToArray());

        // Mean and standard deviation of the training pixels, measured here and by torch: the article's 0.1307 and 0.3081.
        Assert.Equal(Normalization.Mnist, data.Normalization);
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], data.ClassNames);
        var pixels = data.Train.Images.to_type(torch.float64).div(255);
        Assert.Equal(0.1307, pixels.mean().item<double>(), 4);
        Assert.Equal(0.3081, pixels.std().item<double>(), 4);
        Assert.Equal("0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971", data.Sha256["train-images-idx3-ubyte.gz"]);
        Assert.Equal(4, data.Sha256.Count);
    }

    // Only libtorch holds a copy: the smaller of the two splits has 7.8 million pixels.
    [Fact]
    public void The_NET_heap_keeps_no_copy_of_the_images()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        using var data = IdxReader.Load(IdxReader.BundledMnist);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, data.Test.Images.numel() / 4);
    }

    [Fact]
    public void Limits_take_the_first_images()
    {
        using var all = IdxReader.Load(folder.FullPath);
        using var some = IdxReader.Load(folder.FullPath, trainLimit: 7, testLimit: 1000);
        Assert.Equal(7, some.Train.Count);
        Assert.Equal(10, some.Test.Count);
        Assert.Equal(all.Train.Images[..7].data<byte>().ToArray(), some.Train.Images.data<byte>().ToArray());
    }

    // All training images are measured, so that a limit does not change the input of a network.
    [Fact]
    public void Mean_and_std_are_measured_on_all_training_images()
    {
        using var all = IdxReader.Load(folder.FullPath);
        using var some = IdxReader.Load(folder.FullPath, trainLimit: 3);
        var pixels = all.Train.Images.to_type(torch.float64).div(255);
        Assert.Equal(pixels.mean().item<double>(), all.Normalization.Mean[0], 1e-4);
        Assert.Equal(pixels.std(unbiased: false).item<double>(), all.Normalization.Std[0], 1e-4);
        Assert.NotEqual(Normalization.Mnist, all.Normalization);
        Assert.Equal(all.Normalization, some.Normalization);
    }

    // The Kaggle copy of MNIST has the last two kinds beside each other.
    [Theory]
    [InlineData("{0}.{1}")]
    [InlineData("{0}-{1}/{0}-{1}")]
    [InlineData("{0}-{1}/{0}.{1}")]
    [InlineData("archive/{0}.{1}")]
    public void Files_as_unpackers_leave_them_are_read(string pattern)
    {
        using var expected = IdxReader.Load(folder.FullPath);
        foreach (var path in Directory.GetFiles(folder.FullPath, "*-ubyte*"))
        {
            var parts = Path.GetFileName(path).Replace("-idx", " idx").Split(' ');
            var (type, ending) = parts[1].EndsWith(".gz", StringComparison.Ordinal) ? (parts[1][..^3], ".gz") : (parts[1], "");
            var target = folder[$"moved/{string.Format(CultureInfo.InvariantCulture, pattern, parts[0], type)}{ending}"];
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Move(path, target);
        }

        using var data = DataReader.Load(folder["moved"]);
        Assert.Equal(expected.Train.Images.bytes.ToArray(), data.Train.Images.bytes.ToArray());
        Assert.Equal(expected.Test.Labels.data<long>().ToArray(), data.Test.Labels.data<long>().ToArray());
    }

    [Fact]
    public void Of_several_copies_the_file_with_the_usual_name_is_read()
    {
        var contents = File.ReadAllBytes(folder["train-images-idx3-ubyte"]);
        Directory.CreateDirectory(folder["train-images-idx3-ubyte-copies"]);
        File.WriteAllBytes(folder["train-images.idx3-ubyte"], contents[..100]);
        using var data = IdxReader.Load(folder.FullPath);
        Assert.Contains("train-images-idx3-ubyte", data.Sha256.Keys);
    }

    [Fact]
    public void The_error_names_a_missing_folder() =>
        Assert.Contains(folder["nowhere"], Assert.Throws<DirectoryNotFoundException>(() => IdxReader.Load(folder["nowhere"])).Message);

    [Fact]
    public void The_error_names_a_missing_file()
    {
        File.Delete(folder["t10k-labels-idx1-ubyte.gz"]);
        Assert.Contains("t10k-labels-idx1-ubyte", Assert.Throws<FileNotFoundException>(() => IdxReader.Load(folder.FullPath)).Message);
    }

    [Fact]
    public void Different_numbers_of_images_and_labels_fail()
    {
        File.WriteAllBytes(folder["train-labels-idx1-ubyte.gz"], SmallMnist.Gzip(SmallMnist.Idx(new byte[19], 19)));
        AssertRefused("20 images", "19 labels");
    }

    [Fact]
    public void A_test_label_above_the_training_labels_fails()
    {
        var labels = new byte[10];
        labels[3] = 10;
        File.WriteAllBytes(folder["t10k-labels-idx1-ubyte.gz"], SmallMnist.Idx(labels, 10));
        AssertRefused("t10k-labels", "label 10", "position 3", "training images is 9");
    }

    [Fact]
    public void A_single_class_fails()
    {
        foreach (var label in new byte[] { 0, 3 })
        {
            File.WriteAllBytes(folder["train-labels-idx1-ubyte.gz"], SmallMnist.Idx([.. Enumerable.Repeat(label, 20)], 20));
            AssertRefused("train-labels", $"only the label {label}", "two classes");
        }
    }

    [Fact]
    public void Test_images_of_another_size_fail()
    {
        File.WriteAllBytes(folder["t10k-images-idx3-ubyte"], SmallMnist.Idx(new byte[10 * 32 * 33], 10, 32, 33));
        AssertRefused("t10k-images", "32x33", "28x28");
    }

    [Fact]
    public void A_file_that_differs_from_SHA256SUMS_fails()
    {
        var path = folder["train-images-idx3-ubyte"];
        var sum = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
        File.WriteAllText(folder["SHA256SUMS"], $"{sum}  train-images-idx3-ubyte\n");
        using (IdxReader.Load(folder.FullPath))
        {
        }

        var contents = File.ReadAllBytes(path);
        contents[^1] ^= 1;
        File.WriteAllBytes(path, contents);
        AssertRefused(path, "SHA256SUMS");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Images_of_any_size_and_classes_are_read(int height, int width, int classes)
    {
        SmallMnist.Write(folder.FullPath, train: 300, height: height, width: width, classes: classes);
        using var data = IdxReader.Load(folder.FullPath, trainLimit: 1);
        Assert.Equal((1, height, width), (data.Channels, data.Height, data.Width));
        Assert.Equal([1, 1, height, width], data.Train.Images.shape);
        Assert.Equal([10, 1, height, width], data.Test.Images.shape);
        Assert.Equal(File.ReadAllBytes(folder["t10k-images-idx3-ubyte"])[16..], data.Test.Images.data<byte>().ToArray());
        Assert.Equal(ImageFit.Stretch, data.Fit);

        // Of all training labels, though the only image that is taken has the label 0.
        Assert.Equal(Enumerable.Range(0, classes).Select(label => $"{label}"), data.ClassNames);
    }

    // Changes a byte of a header or of the labels: the result is an error, or the contents of the files.
    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_changed_header_or_label_fails_or_is_read_unchanged(int height, int width, int classes)
    {
        SmallMnist.Write(folder.FullPath, pack: false, height: height, width: width, classes: classes);
        (from name in Gen.Int[0, Names.Length - 1].Select(index => Names[index])
         from at in Gen.Int[0, 1000]
         from change in Gen.Byte[1, 255]
         select (name, at, change)).Sample(damage =>
        {
            var whole = File.ReadAllBytes(folder[damage.name]);
            var changed = (byte[])whole.Clone();
            changed[damage.at % (damage.name.Contains("images", StringComparison.Ordinal) ? 16 : whole.Length)] ^= damage.change;
            File.WriteAllBytes(folder[damage.name], changed);
            try
            {
                using var data = IdxReader.Load(folder.FullPath);
                var (train, test) = (Labels("train"), Labels("t10k"));
                Assert.Equal(train, data.Train.Labels.data<long>().ToArray().Select(label => (byte)label));
                Assert.Equal(test, data.Test.Labels.data<long>().ToArray().Select(label => (byte)label));
                Assert.Equal(train.Max() + 1, data.ClassNames.Count);
                Assert.True(test.Max() <= train.Max());
                Assert.Equal(whole[..8], changed[..8]);
            }
            catch (InvalidDataException error)
            {
                Assert.Contains(folder.FullPath, error.Message);
                Assert.DoesNotContain('\n', error.Message);
            }
            finally
            {
                File.WriteAllBytes(folder[damage.name], whole);
            }
        }, iter: 500, threads: 1);

        byte[] Labels(string part) => File.ReadAllBytes(folder[$"{part}-labels-idx1-ubyte"])[8..];
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Truncated_files_fail(int height, int width, int classes)
    {
        SmallMnist.Write(folder.FullPath, pack: false, height: height, width: width, classes: classes);
        foreach (var name in Names)
        {
            var whole = File.ReadAllBytes(folder[name]);
            for (var length = 0; length < whole.Length; length += 1 + whole.Length / 100)
            {
                File.WriteAllBytes(folder[name], whole[..length]);
                AssertRefused(folder[name]);
            }

            File.WriteAllBytes(folder[name], whole);
        }
    }

    [Fact]
    public void Images_are_fitted_as_ink_if_most_training_images_have_a_black_frame()
    {
        using (var mnist = IdxReader.Load(IdxReader.BundledMnist, testLimit: 1))
            Assert.Equal(ImageFit.Ink, mnist.Fit);
        for (var at = 0; at < 28 * 28; at++)
        {
            var isInside = at / 28 is >= 2 and < 26 && at % 28 is >= 2 and < 26;
            Assert.Equal(isInside ? ImageFit.Ink : ImageFit.Stretch, FitOf(2, 28, at, 28 * 28 + at));
        }

        Assert.Equal(ImageFit.Stretch, FitOf(4, 28, 0, 28 * 28));
        Assert.Equal(ImageFit.Ink, FitOf(4, 28, 0));
        Assert.Equal(ImageFit.Stretch, FitOf(4, 27));

        // Of black images with a few white pixels, of which only the first is taken.
        ImageFit FitOf(int count, int height, params int[] white)
        {
            var pixels = new byte[count * height * 28];
            foreach (var at in white)
                pixels[at] = 1;
            File.WriteAllBytes(folder["train-images-idx3-ubyte"], SmallMnist.Idx(pixels, count, height, 28));
            byte[] labels = [.. Enumerable.Range(0, count).Select(i => (byte)i)];
            File.WriteAllBytes(folder["train-labels-idx1-ubyte"], SmallMnist.Idx(labels, count));
            File.WriteAllBytes(folder["t10k-images-idx3-ubyte"], SmallMnist.Idx(new byte[height * 28], 1, height, 28));
            File.WriteAllBytes(folder["t10k-labels-idx1-ubyte"], SmallMnist.Idx([1], 1));
            using var data = IdxReader.Load(folder.FullPath, trainLimit: 1);
            return data.Fit;
        }
    }

    [Fact]
    public void A_set_of_EMNIST_is_found_by_its_name_and_transposed()
    {
        Directory.CreateDirectory(folder["emnist"]);
        SmallMnist.Write(folder["emnist"], height: 3, width: 2, classes: 5, name: "emnist-letters");
        foreach (var path in new[] { "emnist", "emnist/", "emnist/emnist-letters" })
        {
            Assert.True(IdxReader.CanRead(folder[path]));
            using var data = IdxReader.Load(folder[path]);
            Assert.Equal((folder[path].TrimEnd('/', '\\'), 2, 3, 5), (data.Folder, data.Height, data.Width, data.ClassNames.Count));
            var pixels = File.ReadAllBytes(folder["emnist/emnist-letters-test-images-idx3-ubyte"])[16..];
            var images = data.Test.Images.data<byte>().ToArray();
            for (var index = 0; index < images.Length; index += 6)
                Assert.Equal(new[] { 0, 2, 4, 1, 3, 5 }.Select(at => pixels[index + at]), images[index..(index + 6)]);
            Assert.Contains("emnist-letters-train-labels-idx1-ubyte.gz", data.Sha256.Keys);
        }
    }

    [Fact]
    public void The_path_selects_one_of_several_sets_in_a_folder()
    {
        Directory.CreateDirectory(folder["sets"]);
        SmallMnist.Write(folder["sets"], classes: 3, name: "emnist-digits");
        SmallMnist.Write(folder["sets"], classes: 4, name: "letters", height: 2, width: 3);
        Assert.True(IdxReader.CanRead(folder["sets"]));
        var choice = (Remedy.NameData, $"{folder["sets/emnist-digits"]}, {folder["sets/letters"]}");
        Assert.Equal(choice, Remedies.Of(Assert.Throws<IOException>(() => IdxReader.Load(folder["sets"]))));
        Assert.Equal(choice, Remedies.Of(Assert.Throws<DirectoryNotFoundException>(() => IdxReader.Load(folder["sets/emnist"]))));
        Assert.False(IdxReader.CanRead(folder["sets/emnist"]));
        using (var data = IdxReader.Load(folder["sets/letters"]))
            Assert.Equal((2, 3, 4), (data.Height, data.Width, data.ClassNames.Count));

        // A set without a name is the folder's own.
        SmallMnist.Write(folder["sets"]);
        using (var data = IdxReader.Load(folder["sets"]))
            Assert.Equal(10, data.ClassNames.Count);
        using (var data = IdxReader.Load(folder["sets/emnist-digits"]))
            Assert.Equal(3, data.ClassNames.Count);
        File.Delete(folder["sets/letters-test-images-idx3-ubyte"]);
        var missing = Assert.Throws<FileNotFoundException>(() => IdxReader.Load(folder["sets/letters"]));
        Assert.Contains("letters-test-images-idx3-ubyte.gz", missing.Message);
    }

    [Fact]
    public void CanRead_recognizes_folders_with_a_set()
    {
        Assert.True(IdxReader.CanRead(folder.FullPath));
        foreach (var name in Directory.GetFiles(folder.FullPath).Skip(1))
            File.Delete(name);
        Assert.True(IdxReader.CanRead(folder.FullPath)); // Load then names the missing file
        Assert.False(IdxReader.CanRead(Directory.GetFiles(folder.FullPath).Single()));
        Directory.CreateDirectory(folder["other/train-images-idx3-ubyte"]);
        File.WriteAllText(folder["other/my-train-images-idx3-ubyte.txt"], "no");
        Assert.False(IdxReader.CanRead(folder["other"]));
        Assert.False(IdxReader.CanRead(folder["other/my"]));
        Assert.False(IdxReader.CanRead(folder["nowhere/at/all"]));
        Assert.False(IdxReader.CanRead("/"));
    }

    [Fact]
    public void Class_names_are_read_from_a_file_beside_the_images()
    {
        File.WriteAllText(folder["classes.txt"], "T-shirt\r\nночь\na b\n3\n4\n5\n6\n7\n8\n9\n\n");
        using (var data = IdxReader.Load(folder.FullPath))
        {
            Assert.Equal(["T-shirt", "ночь", "a b", "3", "4", "5", "6", "7", "8", "9"], data.ClassNames);
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(folder["classes.txt"]))), data.Sha256["classes.txt"]);
        }

        File.WriteAllText(folder["classes.txt"], "one\ntwo");
        AssertRefused(folder["classes.txt"], "10 classes", "has: 2.");
        File.WriteAllText(folder["classes.txt"], "0\n1\n\n3\n4\n5\n6\n7\n8\n9");
        AssertRefused(folder["classes.txt"], "line 3");
        File.WriteAllText(folder["classes.txt"], "0\n1\na\tb\n3\n4\n5\n6\n7\n8\n9");
        AssertRefused(folder["classes.txt"], "line 3");
        File.WriteAllBytes(folder["classes.txt"], [.. "0\n1\n2\n3\n4\n5\n6\n7\n8\n"u8, 0xff]);
        AssertRefused(folder["classes.txt"], "line 10", "UTF-8");
        File.WriteAllText(folder["classes.txt"], "0\n1\n2\n3\n4\n5\n6\n7\n8\n2");
        AssertRefused(folder["classes.txt"], "'2' twice");
    }

    [Fact]
    public void Class_names_are_the_characters_of_a_mapping()
    {
        SmallMnist.Write(folder.FullPath, classes: 5, name: "emnist-letters");
        File.WriteAllText(folder["emnist-letters-mapping.txt"], "1 65 97\r\n2 66 98\n4 120143\n5 67\n");
        using (var data = IdxReader.Load(folder["emnist-letters"]))
        {
            Assert.Equal(["0", "Aa", "Bb", "3", "𝕏"], data.ClassNames);
            Assert.Equal(5, data.Sha256.Count);
        }

        foreach (var wrong in new[] { "x 65", "1", "1 65 x", "1 55296", "1 10", "1 32", "-1 65", "1 1114112" })
        {
            File.WriteAllText(folder["emnist-letters-mapping.txt"], $"0 48\n{wrong}\n");
            var message = Assert.Throws<InvalidDataException>(() => IdxReader.Load(folder["emnist-letters"])).Message;
            Assert.StartsWith($"{folder["emnist-letters-mapping.txt"]} has in line 2", message);
        }

        File.WriteAllText(folder["emnist-letters-classes.txt"], "a\nb\nc\nd\ne");
        using (var data = IdxReader.Load(folder["emnist-letters"]))
            Assert.Equal(["a", "b", "c", "d", "e"], data.ClassNames);
    }

    private void AssertRefused(params string[] parts)
    {
        var message = Assert.Throws<InvalidDataException>(() => IdxReader.Load(folder.FullPath)).Message;
        foreach (var part in parts)
            Assert.Contains(part, message);
    }
}
