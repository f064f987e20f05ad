using MnistCnn.Data;
using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

public sealed class NormalizationTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Each_channel_of_a_colour_set_has_its_own_mean_and_standard_deviation()
    {
        foreach (var (name, number) in new[] { ("ant", 1), ("bee", 2) })
            for (var index = 0; index < 5; index++)
                SmallPictures.Save(folder[$"{name}/{index}.png"], 9, 7, (x, y) =>
                    new SKColor((byte)(200 + 5 * x), (byte)(index + 3 * y), (byte)(x * y * number)));
        using var data = DataReader.Load(folder.FullPath);
        AssertIsOf(data.Train.Images, data.Normalization);
        Assert.InRange(data.Normalization.Mean[0], 0.8, 1);
        Assert.InRange(data.Normalization.Mean[1], 0, 0.1);

        // Every channel then has mean 0 and standard deviation 1.
        using var images = data.Normalization.Apply(data.Train.Images);
        Assert.Equal(data.Train.Images.shape, images.shape);
        Assert.All(images.mean([0, 2, 3]).data<float>().ToArray(), mean => Assert.Equal(0, mean, 0.01));
        Assert.All(images.std([0, 2, 3], unbiased: false).data<float>().ToArray(), std => Assert.Equal(1, std, 0.01));
    }

    [Fact]
    public void Pixels_become_float32_numbers_channel_by_channel()
    {
        var images = randint(256, [4, 3, 5, 6], ScalarType.Byte);
        float[] means = [0.4914f, 0.4822f, 0.4465f], stds = [0.247f, 0.2435f, 0.2616f];
        using var normalized = new Normalization([0.4914, 0.4822, 0.4465], [0.247, 0.2435, 0.2616]).Apply(images);
        Assert.Equal(
            images.data<byte>().ToArray().Select((pixel, index) => (pixel / 255f - means[index / 30 % 3]) / stds[index / 30 % 3]),
            normalized.data<float>().ToArray());
    }

    [Fact]
    public void One_value_stands_for_all_channels()
    {
        var images = randint(256, [2, 3, 5, 6], ScalarType.Byte);
        using var one = new Normalization([0.1307], [0.3081]).Apply(images);
        Assert.Equal(
            images.data<byte>().ToArray().Select(pixel => (pixel / 255f - 0.1307f) / 0.3081f), one.data<float>().ToArray());
        Assert.True(Normalization.Mnist.Fits(3));
        Assert.False(new Normalization([0.5, 0.5], [0.2, 0.2]).Fits(3));
    }

    [Fact]
    public void Blank_images_have_the_standard_deviation_1() =>
        Assert.Equal(new Normalization([0.502], [1]), Normalization.Measure(full([3, 1, 1, 1], 128, ScalarType.Byte)));

    /// <summary>Compares four digits with mean and standard deviation of each channel in double precision.</summary>
    internal static void AssertIsOf(Tensor images, Normalization actual)
    {
        var (channels, size) = ((int)images.shape[1], (int)(images.shape[2] * images.shape[3]));
        var pixels = images.contiguous().data<byte>().ToArray();
        Assert.Equal((channels, channels), (actual.Mean.Count, actual.Std.Count));
        for (var channel = 0; channel < channels; channel++)
        {
            double[] values = [.. pixels.Where((_, index) => index / size % channels == channel).Select(pixel => pixel / 255.0)];
            var mean = values.Average();
            Assert.Equal(mean, actual.Mean[channel], 0.00005001);
            Assert.Equal(Math.Sqrt(values.Average(value => (value - mean) * (value - mean))), actual.Std[channel], 0.00005001);
        }
    }
}
