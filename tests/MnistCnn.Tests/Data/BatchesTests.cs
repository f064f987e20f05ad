using MnistCnn.Data;
using MnistCnn.Networks;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

public sealed class BatchesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DataSet data;

    public BatchesTests()
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
    public void Batches_are_the_normalised_images_of_the_order_with_their_labels()
    {
        var set = data.Train;
        manual_seed(3);
        var order = Batches.Shuffled(set.Count).ToArray();
        manual_seed(3);
        var seen = 0;
        foreach (var (images, labels) in Batches.Of(set, data.Normalization, 64))
        {
            var indices = order[seen..Math.Min(seen + 64, order.Length)];
            Assert.Equal([indices.Length, 1, 28, 28], images.shape);
            Assert.Equal(indices.Select(index => set.Labels[index].item<long>()), labels.data<long>().ToArray());
            Assert.Equal(
                indices.SelectMany(index => set.Images[index].data<byte>().ToArray()).Select(pixel => (pixel / 255f - (float)data.Normalization.Mean[0]) / (float)data.Normalization.Std[0]),
                images.data<float>().ToArray());
            seen += indices.Length;
        }

        Assert.Equal(set.Count, seen);
    }

    [Fact]
    public void A_batch_does_not_outlive_the_next_one()
    {
        Batch? previous = null;
        foreach (var batch in Batches.Of(data.Train, data.Normalization, 64))
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
        var train = Batches.Shuffled(60000);
        foreach (var expected in fixture.EpochOrders)
        {
            Assert.Equal(expected, train.Take(expected.Length));
            Batches.DrawLoaderSeed(); // for the test of the epoch
        }
    }

    // From PyTorch 1.13: torch.manual_seed(1); next(iter(DataLoader(range(60000), 8, shuffle=True))).
    [Fact]
    public void With_seed_1_and_nothing_drawn_before_the_order_is_the_known_one()
    {
        manual_seed(1);
        Assert.Equal([24894, 45082, 51850, 25962, 57884, 58887, 59203, 58901], Batches.Shuffled(60000).Take(8));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public void Every_index_comes_once(long count)
    {
        manual_seed(5);
        var order = Batches.Shuffled(count).ToArray();
        Assert.Equal(Enumerable.Range(0, (int)count).Select(index => (long)index), order.Order());
    }

    [Fact]
    public void Two_epochs_have_two_orders()
    {
        var order = Batches.Shuffled(1000);
        Assert.NotEqual(order.ToArray(), order.ToArray());
    }
}
