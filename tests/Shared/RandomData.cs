using MnistCnn.Data;
using MnistCnn.Networks;
using static TorchSharp.torch;

namespace MnistCnn.Tests;

/// <summary>Makes data sets of random pixels in memory.</summary>
public static class RandomData
{
    /// <summary>A set whose labels go round.</summary>
    internal static DataSet Of(NetworkShape shape, int train = 4, int test = 3)
    {
        using var generator = new Generator(1);
        return new DataSet(
            "random",
            Set(train),
            Set(test),
            [.. Enumerable.Range(0, shape.Classes).Select(label => $"class {label}")],
            new Normalization([0.5], [0.29]),
            ImageFit.Stretch,
            new Dictionary<string, string>());

        LabeledImages Set(int count) => new(
            randint(0, 256, [count, shape.Channels, shape.Height, shape.Width], dtype: ScalarType.Byte, generator: generator),
            arange(count).remainder(shape.Classes).to_type(ScalarType.Int64));
    }
}
