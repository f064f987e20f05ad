using MnistCnn.Inspection;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Inspection;

public sealed class SaliencyTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    // The network reads one pixel, which is bright. Every square that covers it changes the probability by the same amount.
    [Theory]
    [InlineData(9, 15)]
    [InlineData(0, 0)]
    [InlineData(0, 27)]
    [InlineData(27, 27)]
    [InlineData(27, 1)]
    public void Occlusion_finds_the_pixel_that_a_network_reads(int row, int column)
    {
        var image = zeros(1, 1, 28, 28);
        image[0, 0, row, column] = 1;
        var loss = 1 / (1 + MathF.Exp(-3)) - 0.5f;
        foreach (var (@class, sign) in new[] { (0, 1), (1, -1) })
        {
            var heat = Saliency.Occlusion(ReadPixel, image, @class, CancellationToken.None);
            Assert.Equal([28, 28], heat.shape);
            Assert.Equal(sign * loss, heat[row, column].item<float>(), 1e-6f);
            Assert.Equal(loss, (sign * heat).max().item<float>(), 1e-6f);
            for (var y = 0; y < 28; y++)
                for (var x = 0; x < 28; x++)
                    if (Math.Abs(y - row) >= 4 || Math.Abs(x - column) >= 4)
                        Assert.Equal(0, heat[y, x].item<float>());
                    else
                    {
                        var isNear = Math.Abs(y - row) < 2 && Math.Abs(x - column) < 2;
                        Assert.InRange(sign * heat[y, x].item<float>(), isNear ? loss / 5 : 0, loss + 1e-6f);
                    }
        }

        Tensor ReadPixel(Tensor images) => stack([3 * images[.., 0, row, column], zeros(images.shape[0])], dim: 1);
    }

    // A square has the median of each channel.
    [Theory]
    [InlineData(28, 28, 4, 4)]
    [InlineData(28, 40, 4, 4)]
    [InlineData(5, 9, 1, 1)]
    [InlineData(21, 21, 9, 9)]
    [InlineData(37, 50, 4, 9)]
    public void Pixels_at_the_edges_are_covered_as_often_as_in_the_middle(int height, int width, int fewest, int most)
    {
        // All pixels differ, so few of them equal the median.
        var order = randperm(height * width).to_type(ScalarType.Float32).add(1).reshape(1, 1, height, width);
        var image = cat([order, -order], dim: 1);
        var covered = zeros(height, width);
        float[] medians =
            [.. Enumerable.Range(0, 2).Select(channel => image[0, channel].flatten().sort().Values[height * width / 2].item<float>())];
        var batches = 0;
        Saliency.Occlusion(Count, image, 0, CancellationToken.None);
        var isMedian = image[0, 0].eq(medians[0]).logical_or(image[0, 1].eq(medians[1]));
        var visible = covered.masked_fill(isMedian, float.PositiveInfinity);
        var margin = Math.Min(height, width) / 4;
        Assert.Equal((float)fewest, visible[margin..^margin, margin..^margin].min().item<float>());
        Assert.Equal((float)fewest, visible.min().item<float>());
        Assert.Equal((float)most, covered.max().item<float>());

        Tensor Count(Tensor images)
        {
            if (batches++ > 0) // the first is the image itself
            {
                var isOther = images.ne(image).any(1);
                covered.add_(isOther.sum(dim: 0));
                foreach (var (channel, median) in medians.Index())
                    Assert.True(images[.., channel].eq(median).logical_or(isOther.logical_not()).all().item<bool>());
            }

            return zeros(images.shape[0], 2);
        }
    }

    [Fact]
    public void Gradient_returns_the_gradient_of_the_logit_summed_over_the_channels()
    {
        var (image, factors) = (randn(1, 3, 6, 5), randn(4, 3, 6, 5));
        using var noGradient = no_grad(); // as in the server's queue
        var heat = Saliency.Gradient(images => (images.unsqueeze(1).square() * factors).sum([2, 3, 4]), image, 2);
        Assert.Equal([6, 5], heat.shape);
        Assert.False(heat.requires_grad);
        Assert.InRange((heat - (2 * factors[2] * image[0]).sum(dim: 0)).abs().max().item<float>(), 0, 1e-5f);
    }

    [Fact]
    public void Occlusion_stops_when_it_is_cancelled()
    {
        using var stop = new CancellationTokenSource();
        var batches = 0;
        Assert.Throws<OperationCanceledException>(() => Saliency.Occlusion(
            images =>
            {
                if (++batches == 3)
                    stop.Cancel();
                return zeros(images.shape[0], 2);
            },
            zeros(1, 1, 28, 28), 0, stop.Token));
        Assert.Equal(3, batches);
    }

    [Theory]
    [InlineData(28, 32)]
    [InlineData(64, 32)]
    [InlineData(128, 8)]
    [InlineData(300, 1)]
    public void Batches_of_large_images_are_smaller(int side, int most)
    {
        var batches = new List<long>();
        Saliency.Occlusion(
            images =>
            {
                batches.Add(images.shape[0]);
                return zeros(images.shape[0], 2);
            },
            zeros(1, 1, side, side), 0, CancellationToken.None);
        Assert.Equal((1, most), (batches[0], batches[1..].Max()));
    }

    [Fact]
    public void No_tensor_is_left_after_disposal()
    {
        var image = randn(1, 1, 28, 28);
        var before = Tensor.TotalCount;
        Saliency.Occlusion(images => images.flatten(start_dim: 1), image, 0, CancellationToken.None).Dispose();
        Saliency.Gradient(images => images.flatten(start_dim: 1), image, 0).Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }
}
