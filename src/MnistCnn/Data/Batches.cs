using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.utils.data;

namespace MnistCnn.Data;

/// <summary>Some images on the device where the network is, ready for it.</summary>
/// <param name="Images">Normalised: (B, C, H, W), float32.</param>
/// <param name="Labels">Classes, from 0: (B), int64.</param>
internal sealed record Batch(Tensor Images, Tensor Labels);

/// <summary>The batches of a training epoch, those of PyTorch's <c>DataLoader</c> with the same seed.</summary>
internal static class Batches
{
    /// <summary>
    /// A TorchSharp <c>DataLoader</c> over a set of images. Each enumeration is one epoch, in an order of its own; a batch is disposed
    /// when the next one is asked for, and the last batch of an epoch may be smaller.
    /// </summary>
    /// <param name="set">The images; they must live as long as the loader is used. The batches are where they are.</param>
    /// <param name="normalization">How the network is given them.</param>
    /// <param name="batchSize">Images in a batch, at least 1.</param>
    public static DataLoader<long, Batch> Of(LabeledImages set, Normalization normalization, int batchSize) => new(
        new Indices(set.Count),
        (int)Math.Min(batchSize, set.Count), // the loader makes room for a whole batch
        (indices, _) => Gather(set, normalization, [.. indices]),
        Shuffled(set.Count),
        set.Images.device);

    /// <summary>
    /// Every index from 0 to <paramref name="count"/> - 1 once, in an order that is new each epoch. Each time that it is enumerated,
    /// it draws from torch's default random generator just what PyTorch draws for an epoch, so that with the same seed every epoch
    /// has PyTorch's batches.
    /// </summary>
    /// <remarks>Source: PyTorch's torch/utils/data/dataloader.py and sampler.py; the same in 1.13 and 2.x.</remarks>
    public static IEnumerable<long> Shuffled(long count)
    {
        DrawLoaderSeed();
        long[] order;
        using (var generator = new Generator((ulong)DrawInt64()))
        using (var permutation = randperm(count, generator: generator))
            order = permutation.data<long>().ToArray();
        foreach (var index in order)
            yield return index;
    }

    /// <summary>
    /// Draws the seed of the loader's processes, as PyTorch does for each pass over any images, in whatever order, and whether it starts
    /// processes or not. Without that, what is drawn after a test would not be what PyTorch draws.
    /// </summary>
    public static void DrawLoaderSeed() => DrawInt64();

    // What random_() gives on an int64 tensor: 63 random bits. The largest range that randint takes has as many.
    private static long DrawInt64() => randint_long(-(1L << 62), 1L << 62) + (1L << 62);

    // One gather a batch: to let the loader stack 64 small tensors took about ten times as long. Of a set on a GPU, only the
    // indices go there.
    private static Batch Gather(LabeledImages set, Normalization normalization, long[] indices)
    {
        using var index = tensor(indices, device: set.Images.device);
        using var pixels = set.Images.index_select(0, index);
        return new Batch(normalization.Apply(pixels), set.Labels.index_select(0, index));
    }

    /// <summary>The loader samples indices; what they stand for is gathered a batch at a time.</summary>
    private sealed class Indices(long count) : Dataset<long>
    {
        public override long Count => count;

        public override long GetTensor(long index) => index;
    }
}
