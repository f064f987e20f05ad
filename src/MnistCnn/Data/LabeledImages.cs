using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Labelled images, in the memory of the machine or of a device as they are on disk.</summary>
/// <param name="Images">Pixels, 0 is black: (N, C, H, W), uint8.</param>
/// <param name="Labels">Classes, from 0: (N), int64.</param>
internal sealed record LabeledImages(Tensor Images, Tensor Labels) : IDisposable
{
    /// <summary>How many images there are.</summary>
    public long Count => Labels.shape[0];

    /// <summary>A part of the set, which shares its memory.</summary>
    /// <param name="start">The first image to take.</param>
    /// <param name="count">How many images to take.</param>
    public LabeledImages Slice(long start, long count) => new(Images.narrow(0, start, count), Labels.narrow(0, start, count));

    /// <summary>The set in the memory of a device; where it lies there already, it shares it.</summary>
    public LabeledImages To(Device device) => new(Images.to(device), Labels.to(device));

    /// <inheritdoc/>
    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}
