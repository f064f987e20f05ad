using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.utils.data;

namespace MnistCnn.Data;

/// <summary>Makes the loaders that stream an <see cref="ImageSet"/> onto a device, batch by batch.</summary>
public static class BatchLoader
{
    /// <summary>
    /// A TorchSharp <c>DataLoader</c> over a set of images. Each enumeration is one epoch; a batch is disposed when the
    /// next one is asked for, and the last batch of an epoch may be smaller.
    /// </summary>
    /// <param name="set">The images; they must live as long as the loader is used.</param>
    /// <param name="batchSize">Images in a batch, at least 1.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own, see <see cref="SampleOrder"/>.</param>
    /// <param name="device">Where the batches go.</param>
    public static DataLoader<long, Batch> Create(ImageSet set, int batchSize, bool shuffle, Device device) => new(
        new Indices(set.Count),
        batchSize,
        (indices, target) => Gather(set, [.. indices], target),
        shuffle ? SampleOrder.Shuffled(set.Count) : SampleOrder.Sequential(set.Count),
        device);

    // One gather a batch: to let the loader stack 64 small tensors took about ten times as long.
    private static Batch Gather(ImageSet set, long[] indices, Device device)
    {
        using var index = tensor(indices);
        using var pixels = set.Images.index_select(0, index).to(device);
        return new Batch(ImageSet.Normalize(pixels), set.Labels.index_select(0, index).to(device));
    }

    /// <summary>The loader samples indices; what they stand for is gathered a batch at a time.</summary>
    private sealed class Indices(long count) : Dataset<long>
    {
        public override long Count => count;

        public override long GetTensor(long index) => index;
    }
}
