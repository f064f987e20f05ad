using MnistCnn.OnnxExport;

namespace MnistCnn.Inspection;

/// <summary>
/// Size in pixels of the part of the image that one pixel of a network's last feature maps depends on, padding included. Global average
/// pooling and the layers after it do not count. The widest of parallel branches counts.
/// </summary>
/// <remarks>
/// Source: A. Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", 2019. A window of k pixels on feature maps
/// whose pixels are j image pixels apart adds (k - 1) * j.
/// </remarks>
internal sealed record ReceptiveField(long Height, long Width)
{
    public static ReceptiveField Compute(NetworkGraph graph) => new(Compute(graph, axis: 0), Compute(graph, axis: 1));

    private static long Compute(NetworkGraph graph, int axis)
    {
        Dictionary<GraphNode, Extent> extents = [];
        foreach (var node in graph.Nodes)
        {
            var extent = node.Inputs.Select(input => extents[input]).DefaultIfEmpty(new Extent(0, 0, 1)).Aggregate(Extent.Union);
            extents[node] = node.Operation.Window is { } window ? extent.Through(window, axis) : extent;
        }

        return extents[graph.Output].Length;
    }

    /// <summary>
    /// Image pixels, along one axis, that the first pixel of an operation's output depends on, from <paramref name="First"/> (negative in
    /// the padding) to <paramref name="Last"/>. For the next output pixel, both are larger by <paramref name="Step"/>.
    /// </summary>
    private sealed record Extent(long First, long Last, long Step)
    {
        public long Length => Last - First + 1;

        public static Extent Union(Extent x, Extent y) =>
            new(Math.Min(x.First, y.First), Math.Max(x.Last, y.Last), Math.Max(x.Step, y.Step));

        public Extent Through(Window window, int axis)
        {
            var before = window.Padding[axis] * Step;
            var after = (window.Kernel[axis] - 1) * window.Dilation[axis] * Step - before;
            return new Extent(First - before, Last + after, window.Stride[axis] * Step);
        }
    }
}
