using MnistCnn.Data;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

public sealed class BatchLoaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly MnistData data;

    public BatchLoaderTests()
    {
        SmallMnist.Write(folder.FullPath, train: 150);
        data = MnistData.Load(folder.FullPath);
    }

    public void Dispose()
    {
        data.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Batches_are_the_normalised_images_in_order()
    {
        var set = data.Train;
        var seen = 0;
        foreach (var (images, labels) in BatchLoader.Create(set, 64, shuffle: false))
        {
            var count = Math.Min(64, (int)set.Count - seen);
            Assert.Equal([count, 1, 28, 28], images.shape);
            Assert.Equal(set.Labels[seen..(seen + count)].data<long>().ToArray(), labels.data<long>().ToArray());
            Assert.Equal(
                set.Images[seen..(seen + count)].data<byte>().ToArray().Select(pixel => (pixel / 255f - 0.1307f) / 0.3081f),
                images.data<float>().ToArray());
            seen += count;
        }

        Assert.Equal(set.Count, seen);
    }

    [Fact]
    public void A_shuffled_epoch_pairs_each_image_with_its_label()
    {
        var set = data.Train;
        var expected = Enumerable.Range(0, (int)set.Count).Select(i => (Key(set.Images[i].to_type(float32).div_(255).sub_(0.1307).div_(0.3081)), set.Labels[i].item<long>()));
        List<(string, long)> actual = [];
        foreach (var (images, labels) in BatchLoader.Create(set, 32, shuffle: true))
            actual.AddRange(Enumerable.Range(0, (int)labels.shape[0]).Select(i => (Key(images[i]), labels[i].item<long>())));
        Assert.NotEqual(expected.ToArray(), actual.ToArray());
        Assert.Equal(expected.Order(), actual.Order());

        static string Key(Tensor image) => string.Join(' ', image.data<float>().ToArray().Take(100));
    }

    [Fact]
    public void A_batch_does_not_outlive_the_next_one()
    {
        Batch? previous = null;
        foreach (var batch in BatchLoader.Create(data.Train, 64, shuffle: true))
        {
            Assert.True(previous is null || (previous.Images.IsInvalid && previous.Labels.IsInvalid));
            previous = batch;
        }

        Assert.True(previous!.Images.IsInvalid);
    }
}
