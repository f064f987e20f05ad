using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Reads the picture of one digit and prepares it as the images of MNIST were made.</summary>
/// <remarks>
/// Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits": the digit is scaled to fit a
/// box of 20x20 pixels, keeps its proportions and gets grey edges; its centre of mass comes to the centre of 28x28 pixels.
/// </remarks>
internal static class DigitImage
{
    /// <summary>Pixels from top to bottom, and from left to right.</summary>
    public const int Side = 28;

    private const int Box = 20;

    // A digit that takes a fiftieth of this is still as large as MNIST's; more pixels would only cost time.
    private const int LargestSide = 1024;
    private const int LargestPaperSide = 128;

    // As a share of the light that white paper sends back: where there is less, the rest is noise.
    private const float LeastLight = 32f / 255;

    // Which share of the border must be light so that the paper is.
    private const double LightBorder = 0.9;

    // In pixels of the result.
    private const double ThinnestStroke = 1.5;

    /// <summary>
    /// Reads a PNG, JPEG, WebP, GIF (its first frame) or BMP file of any size up to 100 megapixels: dark ink on light
    /// paper or light ink on dark, as the picture says; what is transparent counts as white paper.
    /// Uneven light, noise, specks, lines lighter than the ink, frames and what reaches into the picture are left out, but a
    /// hard shadow across the digit may be taken for ink. An image of MNIST comes out as it is.
    /// </summary>
    /// <param name="contents">The whole file.</param>
    /// <param name="name">What to call it in a message.</param>
    /// <returns>Grey values, 0 is background and 255 is ink: (1, 28, 28), uint8. Null where the picture is blank.</returns>
    /// <exception cref="InvalidDataException">It is not such a file, or it is damaged, cut short or too large.</exception>
    public static Tensor? Read(byte[] contents, string name)
    {
        using var bitmap = ImageDecoder.Decode(contents, name);
        return FindInk(Shrink(bitmap)) is { } ink ? tensor(Fit(ink), [1, Side, Side], device: CPU) : null; // whatever another thread has made the default
    }

    // Averages squares of pixels into one: grey values from 0 to 255, the longer side at most LargestSide.
    private static Plane Shrink(SKBitmap bitmap)
    {
        var factor = (Math.Max(bitmap.Width, bitmap.Height) + LargestSide - 1) / LargestSide;
        var grey = new Plane((bitmap.Height + factor - 1) / factor, (bitmap.Width + factor - 1) / factor);
        for (var y = 0; y < bitmap.Height; y++)
        {
            var row = bitmap.GetPixelSpan().Slice(y * bitmap.RowBytes, 4 * bitmap.Width);
            for (var x = 0; x < bitmap.Width; x++)
                grey[y / factor, x / factor] += (299 * row[4 * x] + 587 * row[4 * x + 1] + 114 * row[4 * x + 2]) / 1000f; // ITU-R BT.601
        }

        return grey.Map((value, y, x) => value / Math.Min(factor, bitmap.Height - y * factor) / Math.Min(factor, bitmap.Width - x * factor));
    }

    // How much ink there is in each pixel, from 0 to 1, in the smallest box that holds all and a margin of one pixel.
    private static Plane? FindInk(Plane grey)
    {
        if (!Ink.HasContrast(grey.Values.Min() / 255, grey.Values.Max() / 255))
            return null;
        if (!HasLightPaper(grey))
            grey = grey.Map((value, _, _) => 255 - value);

        var paper = Paper(grey);
        if (Ink.Find(Lit(grey), Lit(Bridge(grey))) is not { } ink)
            return null;

        // MNIST's strokes are two to three pixels wide; a hairline would all but vanish in the result.
        var digit = ink.Digit();
        var amount = ink.Amount(digit).Crop();
        var radius = (int)Math.Round((ThinnestStroke * (amount.Longer - 2) / Box - StrokeWidth(digit)) / 2);
        return radius > 0 ? amount.Pad(radius).Spread(radius).Crop() : amount;

        Plane Lit(Plane source) =>
            source.Map((value, y, x) => Math.Min(1, value / Math.Max(paper[y, x], 255 * LeastLight)));
    }

    // A light border is light paper. A dark one may be a table, or the corners of a lens: then it counts whether what
    // stands out from its surroundings is darker than they.
    private static bool HasLightPaper(Plane grey)
    {
        var threshold = Threshold(grey.Values);
        if (grey.Border().Average(value => value > threshold ? 1 : 0) > LightBorder)
            return true;

        var small = Reduce(grey, out _);
        var surroundings = small.Mean(small.Longer / 4);
        return small.Map((value, y, x) => MathF.Pow(value - surroundings[y, x], 3)).Values.Sum() <= 0;
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

    // The picture without its ink: a closing with a window that is wider than any stroke, but follows the light.
    private static Plane Paper(Plane grey)
    {
        var small = Reduce(grey, out var scale);
        var radius = small.Longer / 4;
        return small.Spread(radius).Shrink(radius).Resize(grey.Height, grey.Width, 1 / scale);
    }

    private static Plane Reduce(Plane grey, out double scale)
    {
        scale = Math.Min(1, (double)LargestPaperSide / grey.Longer);
        return grey.Resize((int)Math.Ceiling(grey.Height * scale), (int)Math.Ceiling(grey.Width * scale), scale);
    }

    // The picture with a border that strokes and lines do not part: a closing of each side.
    private static Plane Bridge(Plane grey)
    {
        var radius = Math.Max(1, grey.Longer / 8);
        var top = Close(1, grey.Width, (_, x) => grey[0, x]);
        var bottom = Close(1, grey.Width, (_, x) => grey[grey.Height - 1, x]);
        var left = Close(grey.Height, 1, (y, _) => grey[y, 0]);
        var right = Close(grey.Height, 1, (y, _) => grey[y, grey.Width - 1]);
        var bridged = grey.Map((value, _, _) => value);
        for (var x = 0; x < grey.Width; x++)
            (bridged[0, x], bridged[grey.Height - 1, x]) = (top[0, x], bottom[0, x]);
        for (var y = 0; y < grey.Height; y++)
        {
            bridged[y, 0] = Math.Max(bridged[y, 0], left[y, 0]);
            bridged[y, grey.Width - 1] = Math.Max(bridged[y, grey.Width - 1], right[y, 0]);
        }

        return bridged;

        Plane Close(int height, int width, Func<int, int, float> side) =>
            new Plane(height, width).Map((_, y, x) => side(y, x)).Spread(radius).Shrink(radius);
    }

    // Twice the area over the length of the outline. The edges of pixels are longer than the line that they follow, by
    // 4/pi where it takes all directions.
    private static double StrokeWidth(Plane digit)
    {
        var padded = digit.Pad(1);
        var edges = 0;
        for (var y = 1; y < padded.Height; y++)
            for (var x = 1; x < padded.Width; x++)
                edges += (padded[y, x] != padded[y - 1, x] ? 1 : 0) + (padded[y, x] != padded[y, x - 1] ? 1 : 0);
        return 2 * digit.Values.Sum() / (edges * Math.PI / 4);
    }

    private static byte[] Fit(Plane ink)
    {
        var scale = (double)Box / (Math.Max(ink.Height, ink.Width) - 2);
        var (mass, massY, massX) = (0.0, 0.0, 0.0);
        for (var y = 0; y < ink.Height; y++)
            for (var x = 0; x < ink.Width; x++)
                (mass, massY, massX) = (mass + ink[y, x], massY + ink[y, x] * (y + 0.5), massX + ink[y, x] * (x + 0.5));
        var fitted = ink.Resize(Side, Side, scale, Start(massY / mass, ink.Height), Start(massX / mass, ink.Width));
        return Array.ConvertAll(fitted.Values, value => (byte)Math.Round(255 * Math.Clamp(value, 0, 1)));

        // By whole pixels, as in MNIST, where the mean of all centres is that of pixel 14; never so far that ink gets lost.
        double Start(double centre, int length) =>
            Math.Clamp(Math.Round(Side / 2 + 0.5 - (centre - 1) * scale), 0, Side - Math.Ceiling((length - 2) * scale)) - scale;
    }
}
