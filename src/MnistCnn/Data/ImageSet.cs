using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Labelled images, in the memory of the machine or of a device as they are on disk.</summary>
/// <param name="Images">Grey values, 0 is background: (N, 28, 28), uint8.</param>
/// <param name="Labels">Classes, 0 to 9: (N), int64.</param>
public sealed record ImageSet(Tensor Images, Tensor Labels) : IDisposable
{
    // Mean and standard deviation of MNIST's training pixels, scaled to 0..1: the article's transforms.Normalize. As fields,
    // since a Scalar that is made for one call may be finalised in the midst of it.
    private static readonly Scalar White = 255;
    private static readonly Scalar Mean = 0.1307;
    private static readonly Scalar StandardDeviation = 0.3081;

    /// <summary>How many images there are.</summary>
    public long Count => Labels.shape[0];

    /// <summary>A part of the set, which shares its memory.</summary>
    /// <param name="start">The first image to take.</param>
    /// <param name="count">How many images to take.</param>
    public ImageSet Slice(long start, long count) => new(Images.narrow(0, start, count), Labels.narrow(0, start, count));

    /// <summary>The set in the memory of a device; where it lies there already, it shares it.</summary>
    public ImageSet To(Device device) => new(Images.to(device), Labels.to(device));

    /// <summary>Makes images what the networks take.</summary>
    /// <param name="images">Grey values: (B, 28, 28), uint8.</param>
    /// <returns>The same of mean 0 and standard deviation 1: (B, 1, 28, 28), float32, on the same device.</returns>
    public static Tensor Normalize(Tensor images) =>
        images.unsqueeze(1).to_type(ScalarType.Float32).div_(White).sub_(Mean).div_(StandardDeviation);

    /// <inheritdoc/>
    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}
