using System.Text.Json.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Makes the pixels of a set of images numbers of mean 0 and standard deviation 1, as networks take them.</summary>
/// <param name="Mean">Mean of the set's training pixels, scaled to 0..1.</param>
/// <param name="Deviation">Their standard deviation, above 0.</param>
internal sealed record Normalization(double Mean, double Deviation)
{
    /// <summary>That of MNIST: the article's <c>transforms.Normalize([0.1307], [0.3081])</c>.</summary>
    public static Normalization Mnist { get; } = new(0.1307, 0.3081);

    /// <summary>Whether pixels, scaled to 0..1, can have such a mean and deviation.</summary>
    [JsonIgnore]
    public bool IsPossible => Mean is >= 0 and <= 1 && Deviation is > 0 and <= 1;

    /// <summary>Measures mean and deviation, to four digits as is usual; of MNIST that gives the article's.</summary>
    /// <param name="pixels">All training pixels, at least one.</param>
    public static Normalization Of(ReadOnlySpan<byte> pixels)
    {
        var sums = new MeanStdAccumulator();
        sums.Add(pixels);
        return sums.Normalization;
    }

    /// <summary>As <see cref="Of(ReadOnlySpan{byte})"/>, of images that may be more than a span can hold.</summary>
    /// <param name="images">All training images: (N, C, H, W), uint8, at least one.</param>
    public static Normalization Of(Tensor images)
    {
        var sums = new MeanStdAccumulator();
        for (var place = 0L; place < images.shape[0]; place++)
        {
            using var image = images[place];
            sums.Add(image.bytes);
        }

        return sums.Normalization;
    }

    /// <summary>Makes images what networks take.</summary>
    /// <param name="images">Pixels, 0 is black: (N, C, H, W), uint8.</param>
    /// <returns>The same shape, float32, on the same device.</returns>
    public Tensor Apply(Tensor images)
    {
        // By name, since a Scalar that nothing holds may be finalised during a call.
        using Scalar white = byte.MaxValue, mean = Mean, deviation = Deviation;
        return images.to_type(ScalarType.Float32).div_(white).sub_(mean).div_(deviation);
    }
}
