using MnistCnn.Data;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Reporting;

/// <summary>Answers that no network gave: of every class as many images, of which the first ones are recognised.</summary>
public static class Answers
{
    /// <summary>Fashion-MNIST's classes.</summary>
    public static string[] Fashion { get; } =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <summary>What is not recognised is taken for the class that comes next, seven of ten times, or for others.</summary>
    internal static Evaluation Of(int classes, int images = 1000, double accuracy = 0.9, int seed = 1)
    {
        var random = new Random(seed);
        long[] labels = [.. Enumerable.Range(0, classes * images).Select(index => (long)(index % classes))];
        long[] predictions = [.. labels.Select((label, index) =>
            random.NextDouble() < accuracy ? label : (label + (random.Next(10) < 7 ? 1 : random.Next(classes))) % classes)];
        return new Evaluation(0.5, labels, predictions, [.. labels.Select(_ => random.NextDouble())], classes, [.. labels.Select(_ => (long)random.Next(classes))]);
    }

    /// <summary>Random pixels.</summary>
    internal static LabeledImages Images(int count, int channels, int height, int width)
    {
        var pixels = new byte[count * channels * height * width];
        new Random(1).NextBytes(pixels);
        return new LabeledImages(tensor(pixels, [count, channels, height, width]), zeros(count, ScalarType.Int64));
    }
}
