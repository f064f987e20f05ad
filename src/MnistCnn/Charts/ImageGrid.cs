using static TorchSharp.torch;

namespace MnistCnn.Charts;

/// <summary>Grey images in rows and columns, with a heading over each column.</summary>
/// <param name="Name">The name of the picture's file, without its ending.</param>
/// <param name="Title">The line above.</param>
/// <param name="Columns">From left to right: images of one size, from top to bottom (N, H, W), uint8, on the CPU.</param>
internal sealed record ImageGrid(string Name, string Title, IReadOnlyList<(string Heading, Tensor Images)> Columns) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, images) in Columns)
            images.Dispose();
    }
}
