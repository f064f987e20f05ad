using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Inspection;

/// <summary>Which places of an image speak for a class. Both maps are (H, W), float32, on the CPU.</summary>
internal static class Saliency
{
    // The square that covers a place, as a part of the image's shorter side: 4 of 28 pixels.
    private const int SquaresPerSide = 7;
    private const int BatchSize = 32;

    // In a batch: all that a network computes of it is kept until its end.
    private const int MostPixels = BatchSize * 64 * 64;

    /// <summary>
    /// How much of the class's probability is lost, at each pixel, when a square over it is covered: the mean over all squares that reach
    /// it. Below zero, what lies there speaks against the class. Covered is painted in each channel's median, the background of a drawing.
    /// </summary>
    /// <param name="network">Normalised images to logits.</param>
    /// <param name="image">The image: (1, C, H, W), normalised.</param>
    /// <param name="class">The class.</param>
    /// <param name="stop">Ends it early.</param>
    /// <remarks>Source: M. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2.</remarks>
    public static Tensor Occlusion(Func<Tensor, Tensor> network, Tensor image, int @class, CancellationToken stop)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var (height, width) = ((int)image.shape[2], (int)image.shape[3]);
        var side = Math.Max(1, Math.Min(height, width) / SquaresPerSide);
        var step = Math.Max(1, side / 2);
        var (rows, columns) = (Starts(height, side, step), Starts(width, side, step));
        var whole = Probability(image)[0];
        var cover = image.flatten(start_dim: 2).sort(2).Values.select(2, height * width / 2).reshape(1, -1, 1, 1);
        var (lost, squares) = (new double[height, width], new int[height, width]);
        foreach (var batch in rows.SelectMany(row => columns.Select(column => (row, column))).Chunk(Math.Clamp(MostPixels / (height * width), 1, BatchSize)))
        {
            stop.ThrowIfCancellationRequested();
            using var batchScope = NewDisposeScope();
            var masks = zeros([batch.Length, 1, height, width], ScalarType.Bool, image.device);
            foreach (var (place, (row, column)) in batch.Index())
                using (var square = masks[place, 0].narrow(0, Math.Max(row, 0), Length(row, side, height)).narrow(1, Math.Max(column, 0), Length(column, side, width)))
                    square.logical_not_();
            foreach (var ((row, column), probability) in batch.Zip(Probability(where(masks, cover, image))))
                Add(row, column, whole - probability);
        }

        return tensor([.. lost.Cast<double>().Zip(squares.Cast<int>(), (sum, count) => (float)(sum / count))], [height, width]).MoveToOuterDisposeScope();

        float[] Probability(Tensor images) => softmax(network(images), dim: 1).select(1, @class).cpu().data<float>().ToArray();

        void Add(int firstRow, int firstColumn, double difference)
        {
            for (var row = Math.Max(firstRow, 0); row < Math.Min(firstRow + side, height); row++)
                for (var column = Math.Max(firstColumn, 0); column < Math.Min(firstColumn + side, width); column++)
                    (lost[row, column], squares[row, column]) = (lost[row, column] + difference, squares[row, column] + 1);
        }
    }

    /// <summary>How fast the class's logit grows with the brightness of each pixel: the gradient, summed over the channels.</summary>
    /// <param name="network">Normalised images to logits.</param>
    /// <param name="image">The image: (1, C, H, W), normalised.</param>
    /// <param name="class">The class.</param>
    /// <remarks>Source: K. Simonyan et al., "Deep Inside Convolutional Networks", 2013, section 3, but with its sign.</remarks>
    public static Tensor Gradient(Func<Tensor, Tensor> network, Tensor image, int @class)
    {
        using var scope = NewDisposeScope();
        using var withGradient = enable_grad();
        var input = image.detach().clone().requires_grad_();
        var logit = network(input)[0, @class];
        return autograd.grad([logit], [input])[0].sum([0, 1]).cpu().MoveToOuterDisposeScope();
    }

    // The first pixel of each square in a row of them; those at the edges reach beyond it, so that no pixel is covered less often.
    private static int[] Starts(int length, int side, int step) =>
        [.. Enumerable.Range(0, (length + side - 2) / step + 1).Select(place => step - side + place * step).Where(start => start < length)];

    private static int Length(int start, int side, int length) => Math.Min(start + side, length) - Math.Max(start, 0);
}
