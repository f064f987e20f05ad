using System.Security.Cryptography;
using MnistCnn.Data;
using TorchSharp;

namespace MnistCnn.Tests.Data;

public sealed class MnistReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public MnistReaderTests() => SmallMnist.Write(folder.FullPath);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_bundled_set_is_the_canonical_one()
    {
        using var data = MnistReader.Load(MnistReader.BundledFolder);
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

    [Fact]
    public void Limits_take_the_first_images()
    {
        using var all = MnistReader.Load(folder.FullPath);
        using var some = MnistReader.Load(folder.FullPath, trainLimit: 7, testLimit: 1000);
        Assert.Equal(7, some.Train.Count);
        Assert.Equal(10, some.Test.Count);
        Assert.Equal(all.Train.Images[..7].data<byte>().ToArray(), some.Train.Images.data<byte>().ToArray());
    }

    // Of all training images, so that a limit does not change what a network is given.
    [Fact]
    public void Mean_and_deviation_are_measured_on_the_training_images()
    {
        using var all = MnistReader.Load(folder.FullPath);
        using var some = MnistReader.Load(folder.FullPath, trainLimit: 3);
        var pixels = all.Train.Images.to_type(torch.float64).div(255);
        Assert.Equal(pixels.mean().item<double>(), all.Normalization.Mean, 1e-4);
        Assert.Equal(pixels.std(unbiased: false).item<double>(), all.Normalization.Deviation, 1e-4);
        Assert.NotEqual(Normalization.Mnist, all.Normalization);
        Assert.Equal(all.Normalization, some.Normalization);
        Assert.Equal(new Normalization(0.502, 1), Normalization.Of([128, 128, 128]));
    }

    [Fact]
    public void A_missing_folder_is_named() =>
        Assert.Contains(folder["nowhere"], Assert.Throws<DirectoryNotFoundException>(() => MnistReader.Load(folder["nowhere"])).Message);

    [Fact]
    public void A_missing_file_is_named()
    {
        File.Delete(folder["t10k-labels-idx1-ubyte.gz"]);
        Assert.Contains("t10k-labels-idx1-ubyte", Assert.Throws<FileNotFoundException>(() => MnistReader.Load(folder.FullPath)).Message);
    }

    [Fact]
    public void Counts_that_differ_are_refused()
    {
        File.WriteAllBytes(folder["train-labels-idx1-ubyte.gz"], SmallMnist.Gzip(SmallMnist.Idx(new byte[19], 19)));
        AssertRefused("20 images", "19 labels");
    }

    [Fact]
    public void A_label_above_nine_is_refused()
    {
        var labels = new byte[20];
        labels[3] = 10;
        File.WriteAllBytes(folder["train-labels-idx1-ubyte.gz"], SmallMnist.Idx(labels, 20));
        AssertRefused("label 10", "position 3");
    }

    [Fact]
    public void Images_of_another_size_are_refused()
    {
        File.WriteAllBytes(folder["t10k-images-idx3-ubyte"], SmallMnist.Idx(new byte[10 * 32 * 32], 10, 32, 32));
        AssertRefused("32x32");
    }

    [Fact]
    public void A_file_that_is_not_what_SHA256SUMS_says_is_refused()
    {
        var path = folder["train-images-idx3-ubyte"];
        File.WriteAllText(folder["SHA256SUMS"], $"{Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))}  train-images-idx3-ubyte\n");
        using (MnistReader.Load(folder.FullPath))
        {
        }

        var contents = File.ReadAllBytes(path);
        contents[^1] ^= 1;
        File.WriteAllBytes(path, contents);
        AssertRefused(path, "SHA256SUMS");
    }

    private void AssertRefused(params string[] parts)
    {
        var message = Assert.Throws<InvalidDataException>(() => MnistReader.Load(folder.FullPath)).Message;
        foreach (var part in parts)
            Assert.Contains(part, message);
    }
}
