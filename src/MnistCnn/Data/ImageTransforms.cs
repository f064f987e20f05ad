using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Data;

/// <summary>Affine transform of one image: counter-clockwise rotation and scale around its centre, and a shift in pixels.</summary>
internal readonly record struct AffineParameters(double Right, double Down, double Degrees, double Scale);

/// <summary>Part of an image, in pixels; the default is empty.</summary>
internal readonly record struct Rectangle(int Top, int Left, int Height, int Width);

internal enum ColorProperty
{
    Brightness, Contrast, Saturation,
}

/// <summary>Change of one image by a factor from 0; 1 changes nothing.</summary>
internal readonly record struct ColorAdjustment(ColorProperty Property, double Factor);

/// <summary>Transforms a batch of images (B, C, H, W), float32, with one parameter per image; returns the same shape and device.</summary>
/// <remarks>Adds and subtracts no tensors: TorchSharp 0.107 then passes a temporary Scalar, see <see cref="Normalization"/>.</remarks>
internal static class ImageTransforms
{
    /// <summary>
    /// Widens bright lines by grey dilation of 3x3 per ring, or narrows them by erosion if a width is negative. The last two rings are
    /// mixed for a fraction of a pixel. A line narrower than its reduction becomes fainter.
    /// </summary>
    /// <param name="widths">Change of the line width per image in pixels, half of it on each side.</param>
    public static Tensor DilateStrokes(Tensor images, double[] widths)
    {
        using var scope = NewDisposeScope();

        // Eroding bright lines is dilating the negated image.
        var signs = PerImage(widths, width => width < 0 ? -1f : 1, images.device);
        var dilated = images * signs;
        var result = dilated;
        for (var ring = 0; widths.Any(width => Math.Abs(width) / 2 > ring); ring++)
        {
            var wider = MaxOfThree(MaxOfThree(dilated, dimension: 2), dimension: 3);
            result = lerp(result, wider, PerImage(widths, width => (float)Math.Clamp(Math.Abs(width) / 2 - ring, 0, 1), images.device));
            dilated = wider;
        }

        return (result * signs).MoveToOuterDisposeScope();

        // Maximum of each pixel and its two neighbours, as far as there are any. max_pool2d of 3x3 took nine times as long.
        static Tensor MaxOfThree(Tensor images, int dimension)
        {
            var last = images.shape[dimension] - 1;
            var before = cat([images.narrow(dimension, 0, 1), images.narrow(dimension, 0, last)], dimension);
            var behind = cat([images.narrow(dimension, 1, last), images.narrow(dimension, last, 1)], dimension);
            return maximum(images, maximum(before, behind));
        }
    }

    public static Tensor HorizontalFlip(Tensor images, bool[] isFlipped)
    {
        using var flipped = images.flip(3);
        using var mask = PerImage(isFlipped, flip => flip, images.device);
        return where(mask, flipped, images);
    }

    /// <summary>Pads images with zeros, the mean of normalized images, and crops each to its size.</summary>
    /// <param name="corners">Top left corner of each crop in the padded image, from 0 to twice the padding.</param>
    public static Tensor Crop(Tensor images, int padding, (int Row, int Column)[] corners)
    {
        using var scope = NewDisposeScope();
        var (count, channels, height, width) = (images.shape[0], images.shape[1], images.shape[2], images.shape[3]);
        var padded = pad(images, [padding, padding, padding, padding]);
        var rows = Indices(height, corner => corner.Row).view(count, 1, height, 1).expand(count, channels, height, padded.shape[3]);
        var columns = Indices(width, corner => corner.Column).view(count, 1, 1, width).expand(count, channels, height, width);
        return padded.gather(2, rows).gather(3, columns).MoveToOuterDisposeScope();

        Tensor Indices(long side, Func<(int Row, int Column), long> first) => tensor(
            [.. corners.SelectMany(_ => Enumerable.Range(0, (int)side), (corner, index) => first(corner) + index)], device: images.device);
    }

    /// <summary>Applies affine transforms in one bilinear sampling; pixels from outside repeat the edge.</summary>
    public static Tensor Affine(Tensor images, AffineParameters[] parameters)
    {
        var (height, width) = ((double)images.shape[2], (double)images.shape[3]);
        using var grid = SamplingGrid(images, [.. parameters.SelectMany(Matrix)]);
        return Sample(images, grid);

        float[] Matrix(AffineParameters image)
        {
            var (sine, cosine) = Math.SinCos(image.Degrees * Math.PI / 180);
            var (right, down) = (cosine * image.Right - sine * image.Down, sine * image.Right + cosine * image.Down);
            double[] rows =
            [
                cosine, -sine * height / width, -right * 2 / width,
                sine * width / height, cosine, -down * 2 / height,
            ];
            return [.. rows.Select(value => (float)(value / image.Scale))];
        }
    }

    /// <summary>Crops and resizes one rectangle per image bilinearly, from its pixels only, as torchvision's <c>resized_crop</c>.</summary>
    public static Tensor ResizedCrop(Tensor images, Rectangle[] areas)
    {
        using var scope = NewDisposeScope();
        var (height, width) = ((float)images.shape[2], (float)images.shape[3]);
        var grid = SamplingGrid(images,
        [
            .. areas.SelectMany(area => new[]
            {
                area.Width / width, 0, (2 * area.Left + area.Width) / width - 1,
                0, area.Height / height, (2 * area.Top + area.Height) / height - 1,
            }),
        ]);
        var first = Centres(area => area.Left, area => area.Top);
        var last = Centres(area => area.Left + area.Width - 1, area => area.Top + area.Height - 1);
        return Sample(images, grid.clamp(first, last)).MoveToOuterDisposeScope();

        // Positions of the centres of pixels in the grid: (B, 1, 1, 2).
        Tensor Centres(Func<Rectangle, int> column, Func<Rectangle, int> row) => tensor(
            [.. areas.SelectMany(area => new[] { (2 * column(area) + 1) / width - 1, (2 * row(area) + 1) / height - 1 })],
            [areas.Length, 1, 1, 2],
            device: grid.device);
    }

    /// <summary>Changes brightness, contrast and saturation, as torchvision's <c>ColorJitter</c>.</summary>
    /// <param name="images">Grey or RGB pixels from 0 to 1; the result is clamped to them. Grey images have no saturation.</param>
    /// <param name="adjustments">One row per image: as many adjustments for each, one after the other.</param>
    public static Tensor ColorJitter(Tensor images, ColorAdjustment[][] adjustments)
    {
        using var scope = NewDisposeScope();
        using Scalar black = 0, white = 1; // by name, as in Normalization
        float[] weights = images.shape[1] == 1 ? [1] : [0.2989f, 0.587f, 0.114f];
        var luma = tensor(weights, device: images.device).view(1, -1, 1, 1);
        var result = images;
        for (var step = 0; step < adjustments[0].Length; step++)
        {
            var grey = (result * luma).sum([1], keepdim: true);
            var mean = grey.mean([1, 2, 3], keepdim: true);

            // Less saturated images are nearer to grey, images of less contrast to their mean, and darker images to black.
            var origin = lerp(mean, grey, Weights(adjustment => adjustment.Property == ColorProperty.Saturation ? 1 : 0))
                * Weights(adjustment => adjustment.Property == ColorProperty.Brightness ? 0 : 1);
            result = lerp(origin, result, Weights(adjustment => (float)adjustment.Factor)).clamp(black, white);

            Tensor Weights(Func<ColorAdjustment, float> weight) => PerImage(adjustments, image => weight(image[step]), images.device);
        }

        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Fills one rectangle per image with zeros, the mean of normalized images.</summary>
    public static Tensor Erase(Tensor images, Rectangle[] areas)
    {
        using var scope = NewDisposeScope();
        var rows = IsWithin(2, [1, 1, -1, 1], area => area.Top, area => area.Top + area.Height);
        var columns = IsWithin(3, [1, 1, 1, -1], area => area.Left, area => area.Left + area.Width);
        using Scalar mean = 0;
        return images.masked_fill(rows.logical_and(columns), mean).MoveToOuterDisposeScope();

        Tensor IsWithin(int dimension, long[] shape, Func<Rectangle, int> first, Func<Rectangle, int> end)
        {
            var indices = tensor([.. Enumerable.Range(0, (int)images.shape[dimension])], device: images.device).view(shape);
            return indices.ge(PerImage(areas, first, images.device)).logical_and(indices.lt(PerImage(areas, end, images.device)));
        }
    }

    /// <summary>Source position of each target pixel, both from the centre, in halves of the width and of the height.</summary>
    /// <param name="matrices">Two rows of three numbers per image.</param>
    private static Tensor SamplingGrid(Tensor images, float[] matrices)
    {
        // libtorch's border padding does not run on MPS.
        var device = images.device_type == DeviceType.MPS ? CPU : images.device;
        using var theta = tensor(matrices, [images.shape[0], 2, 3], device: device);
        return affine_grid(theta, images.shape, align_corners: false);
    }

    private static Tensor Sample(Tensor images, Tensor grid)
    {
        using var source = images.to(grid.device);
        using var sampled = grid_sample(source, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Border, align_corners: false);
        return sampled.to(images.device);
    }

    // (B, 1, 1, 1)
    private static Tensor PerImage<TParameter, TValue>(TParameter[] parameters, Func<TParameter, TValue> value, Device device)
        where TValue : unmanaged =>
        from_array(Array.ConvertAll(parameters, parameter => value(parameter)), device: device).view(-1, 1, 1, 1);
}
