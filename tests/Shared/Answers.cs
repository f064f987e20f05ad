using MnistCnn.Data;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Reporting;

/// <summary>Made-up results of an evaluation, with equal numbers of images per class.</summary>
public static class Answers
{
    /// <summary>Fashion-MNIST's classes.</summary>
    public static string[] Fashion { get; } =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <summary>Predicts a wrong class for some images: in seven of ten cases the next class, otherwise a random one.</summary>
    internal static Evaluation Of(int classes, int images = 1000, double accuracy = 0.9, int seed = 1)
    {
        var random = new Random(seed);
        long[] labels = [.. Enumerable.Range(0, classes * images).Select(index => (long)(index % classes))];
        long[] predictions = [.. labels.Select((label, index) =>
            random.NextDouble() < accuracy ? label : (label + (random.Next(10) < 7 ? 1 : random.Next(classes))) % classes)];
        double[] confidences = [.. labels.Select(_ => random.NextDouble())];
        long[] ranks = [.. labels.Select(_ => (long)random.Next(classes))];
        return new Evaluation(0.5, labels, predictions, confidences, classes, ranks);
    }

    /// <summary>Random pixels.</summary>
    internal static LabeledImages Images(int count, int channels, int height, int width)
    {
        var pixels = new byte[count * channels * height * width];
        new Random(1).NextBytes(pixels);
        return new LabeledImages(tensor(pixels, [count, channels, height, width]), zeros(count, ScalarType.Int64));
    }
}
