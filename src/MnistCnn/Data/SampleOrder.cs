using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>
/// The order in which PyTorch's <c>DataLoader</c> takes the samples of an epoch. Each time that one of these sequences
/// is enumerated, it draws from torch's default random generator just what PyTorch draws for an epoch, so that with the
/// same seed every epoch has PyTorch's batches.
/// </summary>
/// <remarks>Source: PyTorch's torch/utils/data/dataloader.py and sampler.py; the same in 1.13 and 2.x.</remarks>
public static class SampleOrder
{
    /// <summary>Every index from 0 to <paramref name="count"/> - 1 once, in an order that is new each epoch.</summary>
    public static IEnumerable<long> Shuffled(long count)
    {
        DrawInt64(); // the seed of loader processes, which PyTorch draws whether it starts any or not
        long[] order;
        using (var generator = new Generator((ulong)DrawInt64()))
        using (var permutation = randperm(count, generator: generator))
            order = permutation.data<long>().ToArray();
        foreach (var index in order)
            yield return index;
    }

    /// <summary>Every index from 0 to <paramref name="count"/> - 1 in that order.</summary>
    public static IEnumerable<long> Sequential(long count)
    {
        DrawInt64();
        for (var index = 0L; index < count; index++)
            yield return index;
    }

    // What random_() gives on an int64 tensor: 63 random bits. The largest range that randint takes has as many.
    private static long DrawInt64() => randint_long(-(1L << 62), 1L << 62) + (1L << 62);
}
