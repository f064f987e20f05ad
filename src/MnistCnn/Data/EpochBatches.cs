using static TorchSharp.torch.utils.data;

namespace MnistCnn.Data;

/// <summary>Input of one training step, on the device of the images.</summary>
/// <param name="Images">Normalized: (B, C, H, W), float32.</param>
/// <param name="Labels">Classes, from 0: (B), int64.</param>
internal sealed record Batch(Tensor Images, Tensor Labels);

/// <summary>Data set of the batches of one training epoch: item k is batch k, gathered when it is read.</summary>
/// <param name="order">Index of each image of the epoch, in the order in which they are trained on.</param>
internal sealed class EpochBatches(LabeledImages images, Normalization normalization, int batchSize, long[] order) : Dataset<Batch>
{
    public override long Count => CountOf(order.Length, batchSize);

    /// <summary>Batches per epoch; the last one may be smaller.</summary>
    public static long CountOf(long images, int batchSize) => (images + batchSize - 1) / batchSize;

    /// <summary>
    /// Draws the order of an epoch and returns the loader of its batches. With the same state of torch's default generator, PyTorch's
    /// <c>DataLoader(shuffle=True)</c> draws the same random numbers and gives the same batches.
    /// </summary>
    /// <param name="images">Must live as long as the loader.</param>
    /// <param name="firstBatch">Number of batches to skip without loading them.</param>
    /// <returns>A loader for one enumeration. It disposes a batch when the next one is read.</returns>
    public static DataLoader<Batch, Batch> Load(LabeledImages images, Normalization normalization, int batchSize, int firstBatch = 0)
    {
        var batches = new EpochBatches(images, normalization, batchSize, RandomPermutation(images.Count));
        return new DataLoader<Batch, Batch>(
            batches,
            batchSize: 1, // one item, which is a whole batch: loading and stacking single images took ten times as long
            collate_fn: (loaded, _) => new Batch(loaded.Single().Images.alias(), loaded.Single().Labels.alias()),
            // The batches are read in order: their images are shuffled already.
            shuffler: Enumerable.Range(firstBatch, (int)batches.Count - firstBatch).Select(number => (long)number),
            device: images.Images.device);
    }

    /// <summary>Returns each index from 0 to <paramref name="count"/> - 1 once, in PyTorch's order for an epoch.</summary>
    /// <remarks>Source: PyTorch's torch/utils/data/dataloader.py and sampler.py; the same in 1.13 and 2.x.</remarks>
    public static long[] RandomPermutation(long count)
    {
        SkipLoaderSeed();
        using var generator = new Generator((ulong)DrawInt64());
        using var permutation = randperm(count, generator: generator);
        return permutation.data<long>().ToArray();
    }

    /// <summary>
    /// Draws a seed for worker processes, as PyTorch's <c>DataLoader</c> does for every iteration of a data set, evaluation included, even
    /// without workers. Otherwise later random numbers would differ from PyTorch's.
    /// </summary>
    public static void SkipLoaderSeed() => DrawInt64();

    // TorchSharp's loader disposes these tensors after collating them: the batch that it gives has aliases.
    public override Batch GetTensor(long index)
    {
        var first = (int)index * batchSize;
        using var indices = tensor(order[first..Math.Min(first + batchSize, order.Length)], device: images.Images.device);
        using var pixels = images.Images.index_select(0, indices);
        return new Batch(normalization.Apply(pixels), images.Labels.index_select(0, indices));
    }

    // As random_() of an int64 tensor in PyTorch: 63 random bits, which are the largest range of randint.
    private static long DrawInt64() => randint_long(-(1L << 62), 1L << 62) + (1L << 62);
}
