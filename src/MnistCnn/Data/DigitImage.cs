using MnistCnn.Files;
using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Reads the picture of one digit and prepares it as the images of MNIST were made.</summary>
/// <remarks>
/// Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits": the digit is scaled to fit a
/// box of 20x20 pixels, keeps its proportions and gets grey edges; its centre of mass comes to the centre of 28x28 pixels.
/// </remarks>
public static class DigitImage
{
    /// <summary>Pixels from top to bottom, and from left to right.</summary>
    public const int Side = 28;

    private const int Box = 20;

    private const long LargestFile = 100_000_000;
    private const long LargestPicture = 100_000_000;

    // A digit that takes a fiftieth of this is still as large as MNIST's; more pixels would only cost time.
    private const int LargestSide = 1024;
    private const int LargestPaperSide = 128;

    // Of 255. What differs less than this is taken for noise.
    private const float SmallestContrast = 16;

    // As shares of the area of the largest connected part, and of the longer side of the picture. The first is low, so
    // that a loose stroke of the digit stays.
    private const double SmallestPart = 1.0 / 30;
    private const double SmallestDigit = 1.0 / 100;

    // In pixels of the result.
    private const double ThinnestStroke = 1.5;

    /// <summary>
    /// Reads a PNG, JPEG, WebP, GIF (its first frame) or BMP file of any size up to 100 megapixels: dark ink on light
    /// paper or light ink on dark, whichever the border of the picture says; what is transparent counts as white paper.
    /// Uneven light, noise and specks are left out, but a hard shadow across the paper may be taken for ink. An image of
    /// MNIST comes out as it is.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <returns>Grey values, 0 is background and 255 is ink: (1, 28, 28), uint8. Null where the picture is blank.</returns>
    /// <exception cref="InvalidDataException">It is no such file, or it is damaged, cut short or too large.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static Tensor? Read(string path) =>
        FindInk(Decode(path)) is { } ink ? tensor(Fit(ink), [1, Side, Side]) : null;

    // Grey values from 0 to 255, upright, the longer side at most LargestSide.
    private static Plane Decode(string path)
    {
        if (new FileInfo(path) is { Exists: true, Length: > LargestFile })
            throw new InvalidDataException($"{path} is too large: a picture may have {LargestFile / 1_000_000} MB.");
        using var data = SKData.CreateCopy(InputFile.ReadAllBytes(path));
        using var codec = SKCodec.Create(data)
            ?? throw new InvalidDataException($"{path} is no picture that can be read; it must be PNG, JPEG, WebP, GIF or BMP.");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > LargestPicture)
            throw new InvalidDataException(
                $"{path} is too large: it has {width}x{height} pixels, a picture may have {LargestPicture / 1_000_000} million.");

        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul))
            || codec.GetPixels(bitmap.Info, bitmap.GetPixels()) != SKCodecResult.Success)
            throw new InvalidDataException($"{path} is damaged or cut short: it cannot be decoded.");
        return Upright(Shrink(bitmap), codec.EncodedOrigin);
    }

    // Averages squares of pixels into one, over white.
    private static Plane Shrink(SKBitmap bitmap)
    {
        var factor = (Math.Max(bitmap.Width, bitmap.Height) + LargestSide - 1) / LargestSide;
        var grey = new Plane((bitmap.Height + factor - 1) / factor, (bitmap.Width + factor - 1) / factor);
        for (var y = 0; y < bitmap.Height; y++)
        {
            var row = bitmap.GetPixelSpan().Slice(y * bitmap.RowBytes, 4 * bitmap.Width);
            for (var x = 0; x < bitmap.Width; x++)
            {
                var (red, green, blue, alpha) = (row[4 * x], row[4 * x + 1], row[4 * x + 2], row[4 * x + 3]);
                var luma = (299 * red + 587 * green + 114 * blue) / 1000f; // ITU-R BT.601
                grey[y / factor, x / factor] += 255 + (luma - 255) * alpha / 255;
            }
        }

        return grey.Map((value, y, x) => value / Math.Min(factor, bitmap.Height - y * factor) / Math.Min(factor, bitmap.Width - x * factor));
    }

    private static Plane Upright(Plane grey, SKEncodedOrigin origin)
    {
        if (origin >= SKEncodedOrigin.LeftTop)
            grey = new Plane(grey.Width, grey.Height).Map((_, y, x) => grey[x, y]);
        var upsideDown = origin is SKEncodedOrigin.BottomRight or SKEncodedOrigin.BottomLeft
            or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
        var mirrored = origin is SKEncodedOrigin.TopRight or SKEncodedOrigin.BottomRight
            or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom;
        return grey.Map((_, y, x) => grey[upsideDown ? grey.Height - 1 - y : y, mirrored ? grey.Width - 1 - x : x]);
    }

    // How much ink there is in each pixel, from 0 to 1, in the smallest box that holds all and a margin of one pixel.
    private static Plane? FindInk(Plane grey)
    {
        if (!HasContrast(grey))
            return null;
        if (!HasLightPaper(grey))
            grey = grey.Map((value, _, _) => 255 - value);

        var paper = Paper(grey);
        var depth = grey.Map((value, y, x) => paper[y, x] - value);
        if (!HasContrast(depth))
            return null;

        var threshold = Threshold(depth.Values);
        var blank = depth.Values.Where(value => value <= threshold).ToArray();
        var middle = Quantile(blank, 0.5);
        var noise = 1.4826f * Quantile(blank.Select(value => Math.Abs(value - middle)), 0.5); // the standard deviation of normal noise
        var lowest = middle + 4 * noise;
        var highest = Quantile(depth.Values.Where(value => value > threshold), 0.9);
        if (highest - lowest < SmallestContrast)
            return null;

        var digit = LargeParts(depth.Map((value, _, _) => value > threshold ? 1 : 0));
        var near = Spread(digit, 1);
        var ink = Crop(depth.Map((value, y, x) => near[y, x] * Math.Clamp((value - lowest) / (highest - lowest), 0, 1)));
        var size = Math.Max(ink.Height, ink.Width) - 2;
        if (size < Math.Max(4, SmallestDigit * Math.Max(grey.Height, grey.Width)))
            return null;

        // MNIST's strokes are two to three pixels wide; a hairline would all but vanish in the result.
        var radius = (int)Math.Round((ThinnestStroke * size / Box - StrokeWidth(digit)) / 2);
        return radius > 0 ? Crop(Spread(Pad(ink, radius), radius)) : ink;
    }

    private static bool HasContrast(Plane plane) => plane.Values.Max() - plane.Values.Min() >= SmallestContrast;

    private static bool HasLightPaper(Plane grey)
    {
        var border = new List<float>();
        for (var x = 0; x < grey.Width; x++)
            border.AddRange([grey[0, x], grey[grey.Height - 1, x]]);
        for (var y = 0; y < grey.Height; y++)
            border.AddRange([grey[y, 0], grey[y, grey.Width - 1]]);
        var threshold = Threshold(grey.Values);
        var light = (double)border.Count(value => value > threshold) / border.Count;

        // Where a shadow parts the border in two, ink is what makes the inside another grey than the border.
        return light is > 0.3 and < 0.7 ? grey.Values.Average() < border.Average() : light > 0.5;
    }

    // Between the means of the two classes that the values fall into; N. Otsu, 1979, doi:10.1109/TSMC.1979.4310076.
    private static float Threshold(float[] values)
    {
        var (lowest, highest) = (values.Min(), values.Max());
        var counts = new long[256];
        foreach (var value in values)
            counts[(int)((value - lowest) / (highest - lowest) * (counts.Length - 1))]++;

        var total = counts.Index().Sum(bin => (double)bin.Index * bin.Item);
        var (below, belowSum, best, middle) = (0L, 0.0, 0.0, 0.0);
        for (var bin = 0; bin < counts.Length - 1; bin++)
        {
            below += counts[bin];
            belowSum += (double)bin * counts[bin];
            var above = values.Length - below;
            var (belowMean, aboveMean) = (belowSum / below, (total - belowSum) / above);
            var variance = (double)below * above * (aboveMean - belowMean) * (aboveMean - belowMean);
            if (variance > best)
                (best, middle) = (variance, (belowMean + aboveMean) / 2);
        }

        return (float)(lowest + middle / (counts.Length - 1) * (highest - lowest));
    }

    private static float Quantile(IEnumerable<float> values, double share)
    {
        var sorted = values.ToArray();
        Array.Sort(sorted);
        return sorted[(int)(share * (sorted.Length - 1))];
    }

    // The picture without its ink: a closing with a window that is wider than any stroke, but follows the light.
    private static Plane Paper(Plane grey)
    {
        var scale = Math.Min(1, (double)LargestPaperSide / Math.Max(grey.Height, grey.Width));
        var small = Resize(grey, (int)Math.Ceiling(grey.Height * scale), (int)Math.Ceiling(grey.Width * scale), scale);
        var radius = Math.Max(small.Height, small.Width) / 4;
        var opposite = Spread(small, radius).Map((value, _, _) => -value);
        return Resize(Spread(opposite, radius).Map((value, _, _) => -value), grey.Height, grey.Width, 1 / scale);
    }

    // The largest value of a square around each pixel: along one dimension, then along the other.
    private static Plane Spread(Plane plane, int radius)
    {
        return Along(Along(plane));

        Plane Along(Plane source) => new Plane(source.Width, source.Height).Map((_, y, x) =>
        {
            var largest = source[x, y];
            for (var at = Math.Max(0, y - radius); at <= Math.Min(source.Width - 1, y + radius); at++)
                largest = Math.Max(largest, source[x, at]);
            return largest;
        });
    }

    // 1 in the connected parts that are no specks, 0 elsewhere.
    private static Plane LargeParts(Plane mask)
    {
        var isOpen = mask.Map((value, _, _) => value);
        var parts = new List<List<(int Y, int X)>>();
        for (var y = 0; y < mask.Height; y++)
            for (var x = 0; x < mask.Width; x++)
                if (isOpen[y, x] > 0)
                    parts.Add(TakePart(y, x));

        var smallest = SmallestPart * parts.Max(part => part.Count);
        var large = new Plane(mask.Height, mask.Width);
        foreach (var (y, x) in parts.Where(part => part.Count >= smallest).SelectMany(part => part))
            large[y, x] = 1;
        return large;

        List<(int Y, int X)> TakePart(int startY, int startX)
        {
            List<(int Y, int X)> part = [(startY, startX)];
            isOpen[startY, startX] = 0;
            for (var next = 0; next < part.Count; next++)
                for (var y = Math.Max(0, part[next].Y - 1); y <= Math.Min(mask.Height - 1, part[next].Y + 1); y++)
                    for (var x = Math.Max(0, part[next].X - 1); x <= Math.Min(mask.Width - 1, part[next].X + 1); x++)
                        if (isOpen[y, x] > 0)
                        {
                            isOpen[y, x] = 0;
                            part.Add((y, x));
                        }

            return part;
        }
    }

    // Twice the area over the length of the outline. The edges of pixels are longer than the line that they follow, by
    // 4/pi where it takes all directions.
    private static double StrokeWidth(Plane digit)
    {
        var padded = Pad(digit, 1);
        var edges = 0;
        for (var y = 1; y < padded.Height; y++)
            for (var x = 1; x < padded.Width; x++)
                edges += (padded[y, x] != padded[y - 1, x] ? 1 : 0) + (padded[y, x] != padded[y, x - 1] ? 1 : 0);
        return 2 * digit.Values.Sum() / (edges * Math.PI / 4);
    }

    private static Plane Pad(Plane plane, int margin)
    {
        var padded = new Plane(plane.Height + 2 * margin, plane.Width + 2 * margin);
        for (var y = 0; y < plane.Height; y++)
            for (var x = 0; x < plane.Width; x++)
                padded[y + margin, x + margin] = plane[y, x];
        return padded;
    }

    private static Plane Crop(Plane ink)
    {
        var (top, bottom, left, right) = (ink.Height, -1, ink.Width, -1);
        for (var y = 0; y < ink.Height; y++)
            for (var x = 0; x < ink.Width; x++)
                if (ink[y, x] > 0)
                    (top, bottom, left, right) = (Math.Min(top, y), Math.Max(bottom, y), Math.Min(left, x), Math.Max(right, x));
        return Pad(new Plane(bottom - top + 1, right - left + 1).Map((_, y, x) => ink[top + y, left + x]), 1);
    }

    private static byte[] Fit(Plane ink)
    {
        var scale = (double)Box / (Math.Max(ink.Height, ink.Width) - 2);
        var (mass, massY, massX) = (0.0, 0.0, 0.0);
        for (var y = 0; y < ink.Height; y++)
            for (var x = 0; x < ink.Width; x++)
                (mass, massY, massX) = (mass + ink[y, x], massY + ink[y, x] * (y + 0.5), massX + ink[y, x] * (x + 0.5));
        var fitted = Resize(ink, Side, Side, scale, Start(massY / mass, ink.Height), Start(massX / mass, ink.Width));
        return Array.ConvertAll(fitted.Values, value => (byte)Math.Round(255 * Math.Clamp(value, 0, 1)));

        // By whole pixels, as in MNIST, where the mean of all centres is that of pixel 14; never so far that ink gets lost.
        double Start(double centre, int length) =>
            Math.Clamp(Math.Round(Side / 2 + 0.5 - (centre - 1) * scale), 0, Side - Math.Ceiling((length - 2) * scale)) - scale;
    }

    // Each pixel of the result is the mean of what it covers; where it is enlarged, it lies between two. What lies
    // outside is as the nearest pixel.
    private static Plane Resize(Plane plane, int height, int width, double scale, double top = 0, double left = 0)
    {
        return Along(Along(plane, height, top), width, left);

        Plane Along(Plane source, int length, double start)
        {
            var reach = Math.Max(1, 1 / scale) / 2 + 0.5;
            var taps = Enumerable.Range(0, length).Select(at =>
            {
                var position = (at + 0.5 - start) / scale - 0.5;
                var first = (int)Math.Ceiling(position - reach);
                var weights = Enumerable.Range(first, (int)Math.Floor(position + reach) - first + 1)
                    .Select(from => Math.Clamp(reach - Math.Abs(position - from), 0, 1)).ToArray();
                return (First: first, Weights: Array.ConvertAll(weights, weight => (float)(weight / weights.Sum())));
            }).ToArray();
            return new Plane(source.Width, length).Map((_, y, x) =>
            {
                var (first, weights) = taps[x];
                var sum = 0f;
                for (var i = 0; i < weights.Length; i++)
                    sum += weights[i] * source[Math.Clamp(first + i, 0, source.Height - 1), y];
                return sum;
            });
        }
    }

    /// <summary>A number for each pixel, row by row.</summary>
    private sealed class Plane(int height, int width)
    {
        public int Height => height;

        public int Width => width;

        public float[] Values { get; } = new float[height * width];

        public ref float this[int y, int x] => ref Values[y * width + x];

        public Plane Map(Func<float, int, int, float> map)
        {
            var result = new Plane(height, width);
            for (var y = 0; y < height; y++)
                for (var x = 0; x < width; x++)
                    result[y, x] = map(this[y, x], y, x);
            return result;
        }
    }
}
