using System.Globalization;
using MnistCnn.Data;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

public sealed class ImageTransformsTests
{
    private static readonly AffineParameters Still = new(0, 0, 0, 1);

    private static IEnumerable<ColorAdjustment> Neutral =>
        Enum.GetValues<ColorProperty>().Select(property => new ColorAdjustment(property, 1));

    [Fact]
    public void Neutral_parameters_change_nothing()
    {
        using var images = rand(2, 3, 20, 30);
        AssertSame(images, ImageTransforms.DilateStrokes(images, [0, 0]));
        AssertSame(images, ImageTransforms.HorizontalFlip(images, [false, false]));
        AssertSame(images, ImageTransforms.Erase(images, [default, default]));
        AssertSame(images, ImageTransforms.ColorJitter(images, [[.. Neutral], [.. Neutral]]));
        AssertClose(images, ImageTransforms.Affine(images, [Still, Still]));
        AssertClose(images, ImageTransforms.ResizedCrop(images, [new Rectangle(0, 0, 20, 30), new Rectangle(0, 0, 20, 30)]));
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

    // Computed with torchvision 0.14.1: resized_crop(image, 1, 2, 2, 3, [4, 6]) and resized_crop(image, 0, 1, 4, 3, [4, 6]).
    [Fact]
    public void Resized_crops_equal_those_of_torchvision()
    {
        using var image = tensor(
            new float[] { 0, 1, 4, 9, 16, 2, 13, 3, 18, 12, 8, 6, 6, 8, 12, 18, 3, 13, 2, 16, 9, 4, 1, 0 }, [1, 1, 4, 6]);
        using var crops = ImageTransforms.ResizedCrop(image.expand(2, 1, 4, 6), [new Rectangle(1, 2, 2, 3), new Rectangle(0, 1, 4, 3)]);
        using var expected = tensor(
            new[]
            {
                18, 16.5f, 13.5f, 11, 9, 8,
                16.5f, 15.75f, 14.25f, 11.8125f, 8.4375f, 6.75f,
                13.5f, 14.25f, 15.75f, 13.4375f, 7.3125f, 4.25f,
                12, 13.5f, 16.5f, 14.25f, 6.75f, 3,
                1, 1.75f, 3.25f, 5.25f, 7.75f, 9,
                3, 6.75f, 14.25f, 16.5f, 13.5f, 12,
                8, 9, 11, 13.5f, 16.5f, 18,
                16, 14.25f, 10.75f, 7.75f, 5.25f, 4,
            },
            [2, 1, 4, 6]);
        AssertClose(expected, crops);
    }

    // Computed with torchvision 0.14.1: adjust_brightness, adjust_contrast and adjust_saturation.
    [Theory]
    [InlineData("Brightness 0.6", 0.54, 0.12, 0.24, 0.0, 0.06, 0.3, 0.36, 0.6, 0.18, 0.48, 0.12, 0.42)]
    [InlineData("Brightness 1.4", 1.0, 0.28, 0.56, 0.0, 0.14, 0.7, 0.84, 1.0, 0.42, 1.0, 0.28, 0.98)]
    [InlineData("Contrast 0.6", 0.73678, 0.31678, 0.43678, 0.19678, 0.25678, 0.49678, 0.55678, 0.79678, 0.37678, 0.67678, 0.31678, 0.61678)]
    [InlineData("Contrast 1.4", 1.0, 0.08322, 0.36322, 0.0, 0.0, 0.50322, 0.64323, 1.0, 0.22323, 0.92322, 0.08322, 0.78322)]
    [InlineData("Saturation 0.6",
        0.68476, 0.29779, 0.43782, 0.26672, 0.20476, 0.47779, 0.55782, 0.86672, 0.32476, 0.65779, 0.31782, 0.68672)]
    [InlineData("Saturation 1.4", 1.0, 0.10221, 0.36218, 0.0, 0.0, 0.52221, 0.64218, 1.0, 0.27524, 0.94221, 0.08218, 0.71328)]
    [InlineData("Saturation 1.4 Contrast 0.6 Brightness 1.2",
        0.95252, 0.30611, 0.49329, 0.23252, 0.23252, 0.60851, 0.69489, 0.95252, 0.43069, 0.91091, 0.29169, 0.74608)]
    [InlineData("Brightness 1.2 Contrast 0.6 Saturation 1.4",
        0.96352, 0.29560, 0.48277, 0.05815, 0.22432, 0.59800, 0.68437, 0.89815, 0.42592, 0.90040, 0.28117, 0.76375)]
    public void Color_adjustments_equal_those_of_torchvision(string adjustments, params double[] expected)
    {
        using var image = tensor(new[] { 0.9f, 0.2f, 0.4f, 0, 0.1f, 0.5f, 0.6f, 1, 0.3f, 0.8f, 0.2f, 0.7f }, [1, 3, 2, 2]);
        ColorAdjustment[] steps = [.. adjustments.Split(' ').Chunk(2).Select(step =>
            new ColorAdjustment(Enum.Parse<ColorProperty>(step[0]), double.Parse(step[1], CultureInfo.InvariantCulture)))];
        using var changed = ImageTransforms.ColorJitter(image, [steps]);
        AssertClose(tensor(expected, [1, 3, 2, 2], ScalarType.Float32), changed);
    }

    [Fact]
    public void Each_image_has_its_own_color_adjustments()
    {
        using var images = rand(2, 3, 5, 7);
        ColorAdjustment[][] adjustments =
        [
            [new(ColorProperty.Contrast, 1.3), new(ColorProperty.Brightness, 0.8), new(ColorProperty.Saturation, 0.4)],
            [new(ColorProperty.Saturation, 1.6), new(ColorProperty.Contrast, 0.7), new(ColorProperty.Brightness, 1.2)],
        ];
        using var both = ImageTransforms.ColorJitter(images, adjustments);
        AssertClose(ImageTransforms.ColorJitter(images[..1], adjustments[..1]), both[..1]);
        AssertClose(ImageTransforms.ColorJitter(images[1..], adjustments[1..]), both[1..]);
    }

    // Computed with torchvision 0.14.1.
    [Fact]
    public void Grey_images_have_brightness_and_contrast_and_no_saturation()
    {
        using var image = tensor(new[] { 0.9f, 0.2f, 0.4f, 0 }, [1, 1, 2, 2]);
        AssertClose(tensor(new[] { 1, 0.28f, 0.56f, 0 }, [1, 1, 2, 2]), Changed(ColorProperty.Brightness, 1.4));
        AssertClose(tensor(new[] { 1, 0.13f, 0.41f, 0 }, [1, 1, 2, 2]), Changed(ColorProperty.Contrast, 1.4));
        AssertSame(image, Changed(ColorProperty.Saturation, 0));

        Tensor Changed(ColorProperty property, double factor) =>
            ImageTransforms.ColorJitter(image, [[new ColorAdjustment(property, factor)]]);
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
