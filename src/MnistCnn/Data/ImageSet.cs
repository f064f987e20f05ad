using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Labelled images, in the machine's memory as they are on disk.</summary>
/// <param name="Images">Grey values, 0 is background: (N, 28, 28), uint8.</param>
/// <param name="Labels">Classes, 0 to 9: (N), int64.</param>
public sealed record ImageSet(Tensor Images, Tensor Labels) : IDisposable
{
    /// <summary>How many images there are.</summary>
    public long Count => Labels.shape[0];

    /// <summary>A part of the set, which shares its memory.</summary>
    /// <param name="start">The first image to take.</param>
    /// <param name="count">How many images to take.</param>
    public ImageSet Slice(long start, long count) => new(Images.narrow(0, start, count), Labels.narrow(0, start, count));

    /// <inheritdoc/>
    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}
