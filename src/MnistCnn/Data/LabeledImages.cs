using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Labelled images in the memory of the machine or of a device.</summary>
/// <param name="Images">Pixels, 0 is black: (N, C, H, W), uint8.</param>
/// <param name="Labels">Classes from 0: (N), int64.</param>
internal sealed record LabeledImages(Tensor Images, Tensor Labels) : IDisposable
{
    public long Count => Labels.shape[0];

    /// <summary>Returns a view of some images, which shares their memory.</summary>
    public LabeledImages Slice(long start, long count) => new(Images.narrow(0, start, count), Labels.narrow(0, start, count));

    public LabeledImages To(Device device) => new(Images.to(device), Labels.to(device));

    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}
