using SkiaSharp;

namespace MnistCnn.Data;

/// <summary>Reads an image of one digit and prepares it as the images of MNIST were made.</summary>
/// <remarks>
/// Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits": the digit is scaled to fit a
/// box of 20x20 pixels, keeps its aspect ratio and gets grey edges; its centre of mass is placed in the centre of 28x28 pixels.
/// </remarks>
internal static class DigitImage
{
    public const int Side = 28;

    private const int Box = 20;
    private const int MaxSide = 1024; // a digit of a fiftieth of this side is still as large as MNIST's
    private const int MaxPaperSide = 128;

    // Opacity from which the colour of a pixel is exact enough; premultiplied colours of fainter pixels have too few levels.
    private const byte MinOpacity = 128;

    // Fraction of the light that white paper reflects; darker areas are noise.
    private const float MinLight = 32f / 255;

    // Fraction of the border that is light on light paper.
    private const double LightBorder = 0.9;

    // Pixels of the result. MNIST's strokes are two to three pixels wide; a hairline would almost vanish.
    private const double MinStrokeWidth = 1.5;

    /// <summary>
    /// Reads any file that <see cref="ImageDecoder"/> decodes: dark ink on light paper or light ink on dark, decided by the image.
    /// Transparent pixels are white paper; ink of a single colour on them may have any colour. Uneven light, noise, specks, lines lighter
    /// than the ink, frames and objects at the border are ignored, but a hard shadow across the digit may be read as ink. An image of MNIST
    /// is returned unchanged.
    /// </summary>
    /// <returns>Grey values, 0 is background and 255 is ink, (28, 28). Null if the image is blank.</returns>
    public static byte[]? Read(byte[] contents, string name) => FindInk(contents, name) is { } ink ? ToMnist(ink, ink.DigitMask()) : null;

    /// <summary>Reads an image of one digit or of several side by side, each as <see cref="Read"/> does; null if it is blank.</summary>
    public static DigitRow? ReadAll(byte[] contents, string name)
    {
        if (FindInk(contents, name) is not { } ink)
            return null;
        var (main, all, areApart) = ink.DigitMasks();
        return new DigitRow(ToMnist(ink, main), [.. all.Select(mask => ToMnist(ink, mask))], areApart);
    }

    // Averages squares of pixels: grey values from 0 to 255, with at most MaxSide pixels per side.
    private static FloatImage Downsample(SKBitmap bitmap)
    {
        var isInkInAlpha = IsInkInAlpha(bitmap);
        var factor = (Math.Max(bitmap.Width, bitmap.Height) + MaxSide - 1) / MaxSide;
        var grey = new FloatImage((bitmap.Height + factor - 1) / factor, (bitmap.Width + factor - 1) / factor);
        for (var y = 0; y < bitmap.Height; y++)
        {
            var row = bitmap.GetPixelSpan().Slice(y * bitmap.RowBytes, 4 * bitmap.Width);
            for (var x = 0; x < bitmap.Width; x++)
                grey[y / factor, x / factor] += byte.MaxValue - row[4 * x + 3] + (isInkInAlpha ? 0 : Luma(row[(4 * x)..]));
        }

        return grey.Map((sum, y, x) => sum / Math.Min(factor, bitmap.Height - y * factor) / Math.Min(factor, bitmap.Width - x * factor));
    }

    // Whether an image is one colour of varying opacity. Its ink is black then; white ink would vanish on white paper.
    private static bool IsInkInAlpha(SKBitmap bitmap)
    {
        var (lightest, darkest) = (0f, 1f);
        for (var at = bitmap.GetPixelSpan(); at.Length > 0; at = at[4..])
            if (at[3] >= MinOpacity && Luma(at) / at[3] is var value)
                (lightest, darkest) = (Math.Max(lightest, value), Math.Min(darkest, value));
        return !Ink.HasContrast(darkest, lightest);
    }

    // ITU-R BT.601, of a pixel in RGBA.
    private static float Luma(ReadOnlySpan<byte> pixel) => (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2]) / 1000f;

    private static Ink? FindInk(byte[] contents, string name)
    {
        using var bitmap = ImageDecoder.Decode(contents, name);
        var grey = Downsample(bitmap);
        if (!Ink.HasContrast(grey.Values.Min() / 255, grey.Values.Max() / 255))
            return null;
        if (!HasLightPaper(grey))
            grey = grey.Map((value, _, _) => 255 - value);

        var paper = EstimatePaper(grey);
        return Ink.Find(DivideByPaper(grey), DivideByPaper(CloseBorder(grey)));

        FloatImage DivideByPaper(FloatImage source) =>
            source.Map((value, y, x) => Math.Min(1, value / Math.Max(paper[y, x], 255 * MinLight)));
    }

    // Amount of ink per pixel, from 0 to 1, in the bounding box of a mask with a margin of one pixel.
    private static FloatImage AmountIn(Ink ink, FloatImage mask)
    {
        var amount = ink.Amount(mask).Trim();
        var radius = (int)Math.Round((MinStrokeWidth * (amount.LongerSide - 2) / Box - StrokeWidth(mask)) / 2);
        return radius > 0 ? amount.Pad(radius).Dilate(radius).Trim() : amount;
    }

    // A light border is light paper. A dark one may be a table, or the corners of a lens: then paper is light if most structures are darker
    // than their surroundings.
    private static bool HasLightPaper(FloatImage grey)
    {
        var threshold = OtsuThreshold(grey.Values);
        var (lastRow, lastColumn) = (grey.Height - 1, grey.Width - 1);
        float[] border =
        [
            .. Enumerable.Range(0, grey.Width).SelectMany(x => new[] { grey[0, x], grey[lastRow, x] }),
            .. Enumerable.Range(0, grey.Height).SelectMany(y => new[] { grey[y, 0], grey[y, lastColumn] }),
        ];
        if (border.Average(value => value > threshold ? 1 : 0) > LightBorder)
            return true;

        var small = ShrinkToPaperSide(grey, out _);
        var surroundings = small.BoxBlur(small.LongerSide / 4);
        return small.Map((value, y, x) => MathF.Pow(value - surroundings[y, x], 3)).Values.Sum() <= 0;
    }

    // Halfway between the means of the two classes of values. Source: N. Otsu, 1979, doi:10.1109/TSMC.1979.4310076.
    private static float OtsuThreshold(float[] values)
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

    // The image without its ink: a closing with a window that is wider than any stroke, but follows the light.
    private static FloatImage EstimatePaper(FloatImage grey)
    {
        var small = ShrinkToPaperSide(grey, out var scale);
        return Close(small, small.LongerSide / 4).Resize(grey.Height, grey.Width, 1 / scale);
    }

    private static FloatImage ShrinkToPaperSide(FloatImage grey, out double scale)
    {
        scale = Math.Min(1, (double)MaxPaperSide / grey.LongerSide);
        return grey.Resize((int)Math.Ceiling(grey.Height * scale), (int)Math.Ceiling(grey.Width * scale), scale);
    }

    private static FloatImage Close(FloatImage image, int radius) => image.Dilate(radius).Erode(radius);

    // The image with a closing along each of its four sides, so that strokes and lines do not interrupt the border.
    private static FloatImage CloseBorder(FloatImage grey)
    {
        var radius = Math.Max(1, grey.LongerSide / 8);
        var (lastRow, lastColumn) = (grey.Height - 1, grey.Width - 1);
        var (top, bottom, left, right) = (Row(0), Row(lastRow), Column(0), Column(lastColumn));
        return grey
            .Map((value, y, x) => y == 0 ? top[0, x] : y == lastRow ? bottom[0, x] : value)
            .Map((value, y, x) => Math.Max(value, x == 0 ? left[y, 0] : x == lastColumn ? right[y, 0] : value));

        FloatImage Row(int y) => Close(new FloatImage(1, grey.Width).Map((_, _, x) => grey[y, x]), radius);
        FloatImage Column(int x) => Close(new FloatImage(grey.Height, 1).Map((_, y, _) => grey[y, x]), radius);
    }

    // Twice the area over the length of the outline, which the edges of pixels exceed by a factor of 4/pi if it takes all directions.
    private static double StrokeWidth(FloatImage mask)
    {
        var padded = mask.Pad(1);
        var edges = 0;
        for (var y = 1; y < padded.Height; y++)
            for (var x = 1; x < padded.Width; x++)
                edges += (padded[y, x] != padded[y - 1, x] ? 1 : 0) + (padded[y, x] != padded[y, x - 1] ? 1 : 0);
        return 2 * mask.Values.Sum() / (edges * Math.PI / 4);
    }

    private static byte[] ToMnist(Ink allInk, FloatImage mask)
    {
        var ink = AmountIn(allInk, mask);
        var scale = (double)Box / (ink.LongerSide - 2);
        var (mass, massY, massX) = (0.0, 0.0, 0.0);
        for (var y = 0; y < ink.Height; y++)
            for (var x = 0; x < ink.Width; x++)
                (mass, massY, massX) = (mass + ink[y, x], massY + ink[y, x] * (y + 0.5), massX + ink[y, x] * (x + 0.5));
        var resized = ink.Resize(Side, Side, scale, Start(massY / mass, ink.Height), Start(massX / mass, ink.Width));
        return Array.ConvertAll(resized.Values, value => (byte)Math.Round(255 * Math.Clamp(value, 0, 1)));

        // By whole pixels, as in MNIST, with its mean centre in pixel 14; never so far that ink is cut off.
        double Start(double centre, int length) =>
            Math.Clamp(Math.Round(Side / 2 + 0.5 - (centre - 1) * scale), 0, Side - Math.Ceiling((length - 2) * scale)) - scale;
    }
}

/// <summary>Digits of an image, prepared for a network: (28, 28) each.</summary>
/// <param name="Main">The digit with the most ink; everything close to it if the digits are not apart.</param>
/// <param name="AreApart">Whether the digits cannot be broken strokes of a single one.</param>
internal sealed record DigitRow(byte[] Main, IReadOnlyList<byte[]> Digits, bool AreApart);
