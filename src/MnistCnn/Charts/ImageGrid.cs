using static TorchSharp.torch;

namespace MnistCnn.Charts;

/// <summary>Grey images in rows and columns, with one heading per column. It owns the tensors.</summary>
/// <param name="Name">File name of the plot, without its extension.</param>
/// <param name="Columns">Columns from left to right: images of one size from top to bottom, (N, H, W), uint8, on the CPU.</param>
internal sealed record ImageGrid(string Name, string Title, IReadOnlyList<(string Heading, Tensor Images)> Columns) : IDisposable
{
    public void Dispose()
    {
        foreach (var (_, images) in Columns)
            images.Dispose();
    }
}
