using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Data;

/// <summary>How an image is moved.</summary>
/// <param name="Right">Pixels to the right.</param>
/// <param name="Down">Pixels down.</param>
/// <param name="Degrees">Around its middle, counter-clockwise.</param>
/// <param name="Scale">How many times as large it becomes, from its middle.</param>
internal readonly record struct Motion(double Right, double Down, double Degrees, double Scale);

/// <summary>A part of an image, in pixels; empty without height or width.</summary>
internal readonly record struct Rectangle(int Top, int Left, int Height, int Width);

/// <summary>
/// Changes the images of a batch, each in its own way: (B, C, H, W), float32, with B things to do. What is returned has the same shape
/// and device.
/// </summary>
/// <remarks>
/// No sum and no difference of two tensors: for each, TorchSharp makes a factor that may be finalised during the call, as
/// <see cref="Normalization.Apply"/> says of scalars.
/// </remarks>
internal static class ImageTransforms
{
    /// <summary>
    /// Lets bright lines become wider, or narrower: the brightest or the darkest pixel of a neighbourhood takes the place of each
    /// (grey dilation and erosion), and what is left of a whole pixel mixes the last two neighbourhoods. A line that is narrower than
    /// what is taken from it becomes fainter.
    /// </summary>
    /// <param name="images">The images.</param>
    /// <param name="widths">For each, by how many pixels, half of them at each side of a line; narrower where negative.</param>
    public static Tensor Thicken(Tensor images, double[] widths)
    {
        using var scope = NewDisposeScope();

        // Bright lines become narrower where dark ones become wider.
        var signs = PerImage(width => width < 0 ? -1 : 1);
        var neighbourhood = images * signs;
        var result = neighbourhood;
        for (var ring = 0; widths.Any(width => Math.Abs(width) / 2 > ring); ring++)
        {
            var wider = Brightest(Brightest(neighbourhood, dimension: 2), dimension: 3);
            result = lerp(result, wider, PerImage(width => Math.Clamp(Math.Abs(width) / 2 - ring, 0, 1)));
            neighbourhood = wider;
        }

        return (result * signs).MoveToOuterDisposeScope();

        Tensor PerImage(Func<double, double> number) =>
            tensor([.. widths.Select(width => (float)number(width))], [widths.Length, 1, 1, 1], device: images.device);

        // Of each pixel and its two neighbours; beyond an edge, of what there is. max_pool2d of 3x3 took nine times as long.
        static Tensor Brightest(Tensor images, int dimension)
        {
            var last = images.shape[dimension] - 1;
            var before = cat([images.narrow(dimension, 0, 1), images.narrow(dimension, 0, last)], dimension);
            var behind = cat([images.narrow(dimension, 1, last), images.narrow(dimension, last, 1)], dimension);
            return maximum(images, maximum(before, behind));
        }
    }

    /// <summary>Mirrors images, left to right.</summary>
    /// <param name="images">The images.</param>
    /// <param name="which">Which of them.</param>
    public static Tensor Mirror(Tensor images, bool[] which)
    {
        using var mirrored = images.flip(3);
        using var mask = tensor(which, [which.Length, 1, 1, 1], device: images.device);
        return where(mask, mirrored, images);
    }

    /// <summary>Pads images with zeros, which are the mean of normalised images, and cuts a part of their own size out of each.</summary>
    /// <param name="images">The images.</param>
    /// <param name="padding">By how many pixels on each side.</param>
    /// <param name="corners">For each, where its part begins in the padded image: row and column, from 0 to twice the padding.</param>
    public static Tensor Crop(Tensor images, int padding, (int Row, int Column)[] corners)
    {
        using var scope = NewDisposeScope();
        var (count, channels, height, width) = (images.shape[0], images.shape[1], images.shape[2], images.shape[3]);
        var padded = pad(images, [padding, padding, padding, padding]);
        var rows = Places(height, corner => corner.Row).view(count, 1, height, 1).expand(count, channels, height, padded.shape[3]);
        var columns = Places(width, corner => corner.Column).view(count, 1, 1, width).expand(count, channels, height, width);
        return padded.gather(2, rows).gather(3, columns).MoveToOuterDisposeScope();

        Tensor Places(long side, Func<(int Row, int Column), int> first) =>
            tensor([.. corners.SelectMany(corner => Enumerable.Range(first(corner), (int)side).Select(place => (long)place))], device: images.device);
    }

    /// <summary>Moves images, in one sampling of their pixels. What comes in from outside continues the edge.</summary>
    /// <param name="images">The images.</param>
    /// <param name="motions">How to move each.</param>
    public static Tensor Move(Tensor images, Motion[] motions)
    {
        // On Apple's GPUs, libtorch cannot continue the edge.
        if (images.device_type == DeviceType.MPS)
        {
            using var here = images.cpu();
            using var moved = Move(here, motions);
            return moved.to(images.device);
        }

        var (height, width) = ((double)images.shape[2], (double)images.shape[3]);
        using var matrices = tensor([.. motions.SelectMany(Matrix)], [motions.Length, 2, 3], device: images.device);
        using var grid = affine_grid(matrices, images.shape, align_corners: false);
        return grid_sample(images, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Border, align_corners: false);

        // Where a pixel of the result comes from. Both are counted from the middle, in halves of the width and of the height.
        float[] Matrix(Motion motion)
        {
            var (sine, cosine) = Math.SinCos(motion.Degrees * Math.PI / 180);
            var (right, down) = (cosine * motion.Right - sine * motion.Down, sine * motion.Right + cosine * motion.Down);
            double[] rows =
            [
                cosine, -sine * height / width, -right * 2 / width,
                sine * width / height, cosine, -down * 2 / height,
            ];
            return [.. rows.Select(value => (float)(value / motion.Scale))];
        }
    }

    /// <summary>Fills a rectangle of each image with zeros, which are the mean of normalised images.</summary>
    /// <param name="images">The images.</param>
    /// <param name="rectangles">Where, in each.</param>
    public static Tensor Fill(Tensor images, Rectangle[] rectangles)
    {
        using var scope = NewDisposeScope();
        var rows = Within(images.shape[2], [1, 1, -1, 1], area => area.Top, area => area.Top + area.Height);
        var columns = Within(images.shape[3], [1, 1, 1, -1], area => area.Left, area => area.Left + area.Width);
        using Scalar mean = 0;
        return images.masked_fill(rows.logical_and(columns), mean).MoveToOuterDisposeScope();

        Tensor Within(long side, long[] shape, Func<Rectangle, int> first, Func<Rectangle, int> end)
        {
            var places = tensor([.. Enumerable.Range(0, (int)side)], device: images.device).view(shape);
            return places.ge(PerImage(first)).logical_and(places.lt(PerImage(end)));
        }

        Tensor PerImage(Func<Rectangle, int> number) => tensor([.. rectangles.Select(number)], [rectangles.Length, 1, 1, 1], device: images.device);
    }
}
