using MnistCnn.Inspection;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Inspection;

public sealed class SaliencyTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    // A network that looks at one pixel, which is lit. Every square that covers it loses the same, and the others nothing.
    [Theory]
    [InlineData(9, 15)]
    [InlineData(0, 0)]
    [InlineData(0, 27)]
    [InlineData(27, 27)]
    [InlineData(27, 1)]
    public void Occlusion_finds_the_place_that_a_network_looks_at(int row, int column)
    {
        var image = zeros(1, 1, 28, 28);
        image[0, 0, row, column] = 1;
        var loss = 1 / (1 + MathF.Exp(-3)) - 0.5f;
        foreach (var (@class, sign) in new[] { (0, 1), (1, -1) })
        {
            var heat = Saliency.Occlusion(Look, image, @class, CancellationToken.None);
            Assert.Equal([28, 28], heat.shape);
            Assert.Equal(sign * loss, heat[row, column].item<float>(), 1e-6f);
            Assert.Equal(loss, (sign * heat).max().item<float>(), 1e-6f);
            for (var y = 0; y < 28; y++)
                for (var x = 0; x < 28; x++)
                    if (Math.Abs(y - row) >= 4 || Math.Abs(x - column) >= 4)
                        Assert.Equal(0, heat[y, x].item<float>());
                    else
                        Assert.InRange(sign * heat[y, x].item<float>(), Math.Abs(y - row) < 2 && Math.Abs(x - column) < 2 ? loss / 5 : 0, loss + 1e-6f);
        }

        Tensor Look(Tensor images) => stack([3 * images[.., 0, row, column], zeros(images.shape[0])], dim: 1);
    }

    // Where a square lies, each channel is painted in its median.
    [Theory]
    [InlineData(28, 28, 4, 4)]
    [InlineData(28, 40, 4, 4)]
    [InlineData(5, 9, 1, 1)]
    [InlineData(21, 21, 9, 9)]
    [InlineData(37, 50, 4, 9)]
    public void Every_pixel_is_covered_as_often_at_the_edges_as_in_the_middle(int height, int width, int fewest, int most)
    {
        // Values from 1, all different, in an order of their own; the median lies between two pixels or is one of them.
        var order = randperm(height * width).to_type(ScalarType.Float32).add(1).reshape(1, 1, height, width);
        var image = cat([order, -order], dim: 1);
        var covered = zeros(height, width);
        float[] medians = [image[0, 0].flatten().sort().Values[height * width / 2].item<float>(), image[0, 1].flatten().sort().Values[height * width / 2].item<float>()];
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
    public void The_gradient_is_that_of_the_logit_summed_over_the_channels()
    {
        var (image, factors) = (randn(1, 3, 6, 5), randn(4, 3, 6, 5));
        using var noGradient = no_grad(); // as in the server's queue
        var heat = Saliency.Gradient(images => (images.unsqueeze(1).square() * factors).sum([2, 3, 4]), image, 2);
        Assert.Equal([6, 5], heat.shape);
        Assert.False(heat.requires_grad);
        Assert.InRange((heat - (2 * factors[2] * image[0]).sum(dim: 0)).abs().max().item<float>(), 0, 1e-5f);
    }

    [Fact]
    public void Occlusion_is_ended_early()
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
    public void Of_large_images_fewer_are_looked_at_at_a_time(int side, int most)
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
    public void Nothing_is_left_of_it()
    {
        var image = randn(1, 1, 28, 28);
        var before = Tensor.TotalCount;
        Saliency.Occlusion(images => images.flatten(start_dim: 1), image, 0, CancellationToken.None).Dispose();
        Saliency.Gradient(images => images.flatten(start_dim: 1), image, 0).Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }
}
