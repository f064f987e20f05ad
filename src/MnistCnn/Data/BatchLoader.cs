using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.utils.data;

namespace MnistCnn.Data;

/// <summary>Makes the loaders that stream an <see cref="ImageSet"/>, batch by batch.</summary>
public static class BatchLoader
{
    /// <summary>
    /// A TorchSharp <c>DataLoader</c> over a set of images. Each enumeration is one epoch; a batch is disposed when the
    /// next one is asked for, and the last batch of an epoch may be smaller.
    /// </summary>
    /// <param name="set">The images; they must live as long as the loader is used. The batches are where they are.</param>
    /// <param name="batchSize">Images in a batch, at least 1.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own, see <see cref="SampleOrder"/>.</param>
    public static DataLoader<long, Batch> Create(ImageSet set, int batchSize, bool shuffle) => new(
        new Indices(set.Count),
        (int)Math.Min(batchSize, set.Count), // the loader makes room for a whole batch
        (indices, _) => Gather(set, [.. indices]),
        shuffle ? SampleOrder.Shuffled(set.Count) : SampleOrder.Sequential(set.Count),
        set.Images.device);

    // One gather a batch: to let the loader stack 64 small tensors took about ten times as long. Of a set on a GPU, only the
    // indices go there.
    private static Batch Gather(ImageSet set, long[] indices)
    {
        using var index = tensor(indices, device: set.Images.device);
        using var pixels = set.Images.index_select(0, index);
        return new Batch(ImageSet.Normalize(pixels), set.Labels.index_select(0, index));
    }

    /// <summary>The loader samples indices; what they stand for is gathered a batch at a time.</summary>
    private sealed class Indices(long count) : Dataset<long>
    {
        public override long Count => count;

        public override long GetTensor(long index) => index;
    }
}
