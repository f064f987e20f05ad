using MnistCnn.Data;
using MnistCnn.Networks;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

public sealed class EpochBatchesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DataSet data;

    public EpochBatchesTests()
    {
        SmallMnist.Write(folder.FullPath, train: 150);
        data = IdxReader.Load(folder.FullPath);
    }

    public void Dispose()
    {
        data.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Batches_hold_normalized_images_and_labels_in_the_order_of_the_permutation()
    {
        var set = data.Train;
        manual_seed(3);
        var order = EpochBatches.RandomPermutation(set.Count).ToArray();
        manual_seed(3);
        var seen = 0;
        foreach (var (images, labels) in EpochBatches.Load(set, data.Normalization, 64))
        {
            var indices = order[seen..Math.Min(seen + 64, order.Length)];
            Assert.Equal([indices.Length, 1, 28, 28], images.shape);
            Assert.Equal(indices.Select(index => set.Labels[index].item<long>()), labels.data<long>().ToArray());
            Assert.Equal(
                indices.SelectMany(index => set.Images[index].data<byte>().ToArray())
                    .Select(pixel => (pixel / 255f - (float)data.Normalization.Mean[0]) / (float)data.Normalization.Std[0]),
                images.data<float>().ToArray());
            seen += indices.Length;
        }

        Assert.Equal(set.Count, seen);
    }

    [Fact]
    public void A_batch_is_disposed_when_the_next_one_is_read()
    {
        Batch? previous = null;
        foreach (var batch in EpochBatches.Load(data.Train, data.Normalization, 64))
        {
            Assert.True(previous is null || (previous.Images.IsInvalid && previous.Labels.IsInvalid));
            previous = batch;
        }

        Assert.True(previous!.Images.IsInvalid);
    }

    [Theory]
    [MemberData(nameof(Fixture.Names), MemberType = typeof(Fixture))]
    public void Every_epoch_has_the_order_of_PyTorch(string name)
    {
        var fixture = Fixture.Read(name);
        manual_seed(fixture.Seed);
        using var model = Architecture.Find(name)!.Create();
        foreach (var expected in fixture.EpochOrders)
        {
            Assert.Equal(expected, EpochBatches.RandomPermutation(60000)[..expected.Length]);
            EpochBatches.SkipLoaderSeed(); // for the evaluation
        }
    }

    // From PyTorch 1.13: torch.manual_seed(1); next(iter(DataLoader(range(60000), 8, shuffle=True))).
    [Fact]
    public void Seed_1_gives_the_order_of_PyTorch()
    {
        manual_seed(1);
        Assert.Equal([24894, 45082, 51850, 25962, 57884, 58887, 59203, 58901], EpochBatches.RandomPermutation(60000).Take(8));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public void A_permutation_has_every_index_once(long count)
    {
        manual_seed(5);
        var order = EpochBatches.RandomPermutation(count).ToArray();
        Assert.Equal(Enumerable.Range(0, (int)count).Select(index => (long)index), order.Order());
    }

    [Fact]
    public void Two_epochs_have_different_orders() =>
        Assert.NotEqual(EpochBatches.RandomPermutation(1000), EpochBatches.RandomPermutation(1000));

    [Fact]
    public void An_epoch_can_start_after_its_first_batches()
    {
        manual_seed(3);
        var all = EpochBatches.Load(data.Train, data.Normalization, 64).Select(batch => batch.Labels.data<long>().ToArray()).ToArray();
        foreach (var first in new[] { 1, 2, 3 })
        {
            manual_seed(3);
            var rest = EpochBatches.Load(data.Train, data.Normalization, 64, firstBatch: first);
            Assert.Equal(all[first..], rest.Select(batch => batch.Labels.data<long>().ToArray()));
        }
    }
}
