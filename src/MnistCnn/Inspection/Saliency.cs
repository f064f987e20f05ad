using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Inspection;

/// <summary>Maps of the pixels that make a network choose a class: (H, W), float32, on the CPU.</summary>
internal static class Saliency
{
    // The side of the covering square is this fraction of the image's shorter side: 4 of 28 pixels.
    private const int SquaresPerSide = 7;
    private const int BatchSize = 32;

    // In a batch, since all activations of a network live until its end.
    private const int MaxPixels = BatchSize * 64 * 64;

    /// <summary>
    /// Decrease of a class's probability when a square over a pixel is covered, averaged over all squares that cover the pixel. Negative
    /// values are evidence against the class. The cover has each channel's median, the background of a drawing.
    /// </summary>
    /// <param name="network">Maps normalized images to logits.</param>
    /// <param name="image">Normalized: (1, C, H, W).</param>
    /// <param name="stop">Checked before each batch.</param>
    /// <remarks>Source: M. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2.</remarks>
    public static Tensor Occlusion(Func<Tensor, Tensor> network, Tensor image, int @class, CancellationToken stop)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var (height, width) = ((int)image.shape[2], (int)image.shape[3]);
        var side = Math.Max(1, Math.Min(height, width) / SquaresPerSide);
        var stride = Math.Max(1, side / 2);
        var (rows, columns) = (Starts(height, side, stride), Starts(width, side, stride));
        var original = Probability(image)[0];
        var cover = image.flatten(start_dim: 2).sort(2).Values.select(2, height * width / 2).reshape(1, -1, 1, 1);
        var (sums, counts) = (new double[height, width], new int[height, width]);
        var squares = rows.SelectMany(row => columns.Select(column => (row, column)));
        foreach (var batch in squares.Chunk(Math.Clamp(MaxPixels / (height * width), 1, BatchSize)))
        {
            stop.ThrowIfCancellationRequested();
            using var batchScope = NewDisposeScope();
            var masks = zeros([batch.Length, 1, height, width], ScalarType.Bool, image.device);
            foreach (var (index, (row, column)) in batch.Index())
                using (var square = masks[index, 0, Visible(row, side, height), Visible(column, side, width)])
                    square.logical_not_();
            foreach (var ((row, column), probability) in batch.Zip(Probability(where(masks, cover, image))))
                Add(row, column, original - probability);
        }

        float[] means = [.. sums.Cast<double>().Zip(counts.Cast<int>(), (sum, count) => (float)(sum / count))];
        return tensor(means, [height, width]).MoveToOuterDisposeScope();

        float[] Probability(Tensor images) => softmax(network(images), dim: 1).select(1, @class).cpu().data<float>().ToArray();

        void Add(int firstRow, int firstColumn, double decrease)
        {
            for (var row = Math.Max(firstRow, 0); row < Math.Min(firstRow + side, height); row++)
                for (var column = Math.Max(firstColumn, 0); column < Math.Min(firstColumn + side, width); column++)
                    (sums[row, column], counts[row, column]) = (sums[row, column] + decrease, counts[row, column] + 1);
        }
    }

    /// <summary>Gradient of the class's logit with respect to each pixel, summed over the channels.</summary>
    /// <param name="network">Maps normalized images to logits.</param>
    /// <param name="image">Normalized: (1, C, H, W).</param>
    /// <remarks>Source: K. Simonyan et al., "Deep Inside Convolutional Networks", 2013, section 3, but with its sign.</remarks>
    public static Tensor Gradient(Func<Tensor, Tensor> network, Tensor image, int @class)
    {
        using var scope = NewDisposeScope();
        using var withGradient = enable_grad();
        var input = image.detach().clone().requires_grad_();
        var logit = network(input)[0, @class];
        return autograd.grad([logit], [input])[0].sum([0, 1]).cpu().MoveToOuterDisposeScope();
    }

    // First pixel of each square along one side. Squares reach over the edges, so that pixels there are covered as often as others.
    private static int[] Starts(int length, int side, int stride) =>
        [.. Enumerable.Range(0, (length + side - 2) / stride + 1).Select(n => stride - side + n * stride).Where(start => start < length)];

    private static TensorIndex Visible(int start, int side, int length) =>
        TensorIndex.Slice(Math.Max(start, 0), Math.Min(start + side, length));
}
