using MnistCnn.Data;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

public sealed class ImageTransformsTests
{
    private static readonly AffineParameters Still = new(0, 0, 0, 1);

    [Fact]
    public void Neutral_parameters_change_nothing()
    {
        using var images = rand(2, 3, 20, 30);
        AssertSame(images, ImageTransforms.DilateStrokes(images, [0, 0]));
        AssertSame(images, ImageTransforms.HorizontalFlip(images, [false, false]));
        AssertSame(images, ImageTransforms.Erase(images, [default, default]));
        AssertClose(images, ImageTransforms.Affine(images, [Still, Still]));
    }

    // The images are not square, so that a test notices exchanged height and width.
    [Theory]
    [InlineData(3, 0)]
    [InlineData(0, 4)]
    [InlineData(-5, -2)]
    public void A_dot_is_shifted_by_whole_pixels(int right, int down)
    {
        using var images = Dot(20, 30, row: 9, column: 14);
        AssertClose(Dot(20, 30, 9 + down, 14 + right), ImageTransforms.Affine(images, [Still with { Right = right, Down = down }]));
    }

    [Fact]
    public void A_shift_by_a_fraction_of_a_pixel_interpolates()
    {
        using var moved = ImageTransforms.Affine(Dot(20, 30, 9, 14), [Still with { Right = 0.25 }]);
        AssertClose(Dot(20, 30, 9, 14) * 0.75 + Dot(20, 30, 9, 15) * 0.25, moved);
    }

    [Fact]
    public void A_rotation_by_90_degrees_is_counter_clockwise_around_the_centre()
    {
        using var images = rand(1, 2, 20, 20);
        AssertClose(images.rot90(1, (2, 3)), ImageTransforms.Affine(images, [Still with { Degrees = 90 }]));
    }

    // The angle of a bar, from the moments of its pixels.
    [Theory]
    [InlineData(10)]
    [InlineData(-37.5)]
    [InlineData(80)]
    public void A_bar_is_rotated_by_the_given_angle(double degrees)
    {
        using var bar = zeros(1, 1, 40, 60);
        bar[0, 0, TensorIndex.Slice(19, 21), TensorIndex.Slice(18, 42)] = 1;
        var pixels = ImageTransforms.Affine(bar, [Still with { Degrees = degrees }])[0, 0];
        var (total, xx, yy, xy) = (0.0, 0.0, 0.0, 0.0);
        for (var row = 0; row < 40; row++)
        {
            for (var column = 0; column < 60; column++)
            {
                var (value, x, y) = (pixels[row, column].item<float>(), column - 29.5, 19.5 - row);
                (total, xx, yy, xy) = (total + value, xx + value * x * x, yy + value * y * y, xy + value * x * y);
            }
        }

        Assert.Equal(degrees, Math.Atan2(2 * xy, xx - yy) / 2 * 180 / Math.PI, 0.5);
        Assert.Equal(48, total, 1.0);
    }

    [Fact]
    public void Images_are_scaled_around_their_centre()
    {
        using var square = zeros(1, 1, 24, 32);
        square[0, 0, TensorIndex.Slice(8, 16), TensorIndex.Slice(12, 20)] = 1;
        using var larger = ImageTransforms.Affine(square, [Still with { Scale = 1.5 }]);
        Assert.Equal(1.5 * 1.5 * 64, larger.sum().item<float>(), 4.0);
        AssertClose(larger, larger.flip(2));
        AssertClose(larger, larger.flip(3));
        Assert.True(larger[0, 0, 11, 11].item<float>() > 0.99 && larger[0, 0, 3, 11].item<float>() == 0);
    }

    // First turned and enlarged, then shifted: the shift is in pixels of the result.
    [Fact]
    public void A_shift_is_in_pixels_for_any_angle_and_scale()
    {
        using var images = Dot(21, 21, 10, 10);
        using var here = ImageTransforms.Affine(images, [Still with { Degrees = 30, Scale = 1.4 }]);
        using var there = ImageTransforms.Affine(images, [new AffineParameters(3, -2, 30, 1.4)]);
        AssertClose(here[.., .., 5..15, 5..15], there[.., .., 3..13, 8..18]);
    }

    [Fact]
    public void Pixels_from_outside_repeat_the_edge()
    {
        using var images = ones(1, 3, 16, 16) * 0.7;
        AssertClose(images, ImageTransforms.Affine(images, [new AffineParameters(6, -5, 33, 0.6)]));
    }

    [Fact]
    public void Each_image_has_its_own_transform_and_its_channels_share_it()
    {
        using var images = cat([Dot(20, 20, 9, 9), Dot(20, 20, 9, 9)], 0).expand(2, 3, 20, 20).contiguous();
        using var moved = ImageTransforms.Affine(images, [Still with { Right = 2 }, Still with { Down = 1 }]);
        for (var channel = 0; channel < 3; channel++)
        {
            Assert.Equal(1, moved[0, channel, 9, 11].item<float>(), 1e-4f);
            Assert.Equal(1, moved[1, channel, 10, 9].item<float>(), 1e-4f);
        }
    }

    // A line 4 pixels wide, its brightness summed across: that is its width.
    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3.5)]
    [InlineData(-0.5)]
    [InlineData(-1)]
    [InlineData(-2)]
    [InlineData(-3.5)]
    public void A_line_becomes_wider_or_narrower_by_the_given_pixels(double width)
    {
        using var line = zeros(2, 1, 20, 20);
        line[.., 0, .., TensorIndex.Slice(8, 12)] = 1;
        using var changed = ImageTransforms.DilateStrokes(line, [width, 0]);
        AssertClose(full([20], 4 + width, ScalarType.Float32), changed[0, 0].sum(dim: 1));
        AssertClose(changed[0, 0], changed[0, 0].flip(1));
        AssertSame(line[1], changed[1]);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 9)]
    [InlineData(12, 7)]
    public void Two_pixels_wider_is_the_maximum_of_nine_pixels_and_two_narrower_the_minimum(int height, int width)
    {
        using var images = randn(2, 3, height, width);
        using var changed = ImageTransforms.DilateStrokes(images, [2, -2]);
        AssertSame(nn.functional.max_pool2d(images[..1], 3, 1, 1), changed[..1]);
        AssertSame(-nn.functional.max_pool2d(-images[1..], 3, 1, 1), changed[1..]);
    }

    [Fact]
    public void Selected_images_are_flipped_left_to_right()
    {
        using var images = rand(3, 2, 5, 7);
        using var mirrored = ImageTransforms.HorizontalFlip(images, [false, true, false]);
        AssertSame(images[0], mirrored[0]);
        AssertSame(images[2], mirrored[2]);
        for (var column = 0; column < 7; column++)
            AssertSame(images[1, .., .., 6 - column], mirrored[1, .., .., column]);
    }

    [Fact]
    public void Erase_changes_only_the_rectangle()
    {
        using var images = rand(3, 2, 10, 14) + 1;
        using var filled = ImageTransforms.Erase(images, [new Rectangle(2, 5, 3, 4), default, new Rectangle(0, 0, 10, 14)]);
        using var expected = images.clone();
        expected[0, .., TensorIndex.Slice(2, 5), TensorIndex.Slice(5, 9)] = 0;
        expected[2] = zeros(2, 10, 14);
        AssertSame(expected, filled);
    }

    private static Tensor Dot(int height, int width, int row, int column)
    {
        var dot = zeros(1, 1, height, width);
        dot[0, 0, row, column] = 1;
        return dot;
    }

    private static void AssertSame(Tensor expected, Tensor actual) =>
        Assert.Equal(expected.data<float>().ToArray(), actual.data<float>().ToArray());

    private static void AssertClose(Tensor expected, Tensor actual) =>
        Assert.True(
            expected.shape.SequenceEqual(actual.shape) && expected.allclose(actual, rtol: 0, atol: 1e-4),
            $"{(expected - actual).abs().max().item<float>()}");
}
