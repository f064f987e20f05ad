using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Labelled images, in the machine's memory as they are on disk.</summary>
/// <param name="Images">Grey values, 0 is background: (N, 28, 28), uint8.</param>
/// <param name="Labels">Classes, 0 to 9: (N), int64.</param>
public sealed record ImageSet(Tensor Images, Tensor Labels) : IDisposable
{
    /// <summary>How many images there are.</summary>
    public long Count => Labels.shape[0];

    /// <inheritdoc/>
    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}
