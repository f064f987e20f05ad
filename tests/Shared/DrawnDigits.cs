using SkiaSharp;

namespace MnistCnn.Tests.Data;

/// <summary>
/// Pictures of digits as people draw them: each of ten hands has its own forms, slant, proportions and pen, and no two digits of a hand
/// are quite alike. Nothing in them comes from a font or from MNIST.
/// </summary>
internal static class DrawnDigits
{
    /// <summary>How many hands there are.</summary>
    public const int Hands = 10;

    // The forms of each digit, in a box of 100x100; a hand has one of them.
    private static readonly string[][] Forms =
    [
        ["M52 10 C25 8 18 90 50 90 C82 90 80 12 52 10", "M60 15 C30 0 10 60 32 85 C60 105 90 40 60 15 L52 20"],
        ["M50 8 L50 92", "M32 28 L52 10 L52 92", "M35 25 L54 9 L51 90 M33 91 L70 90"],
        ["M26 30 C30 5 75 5 72 32 C70 50 40 70 25 88 L78 88", "M25 28 C35 0 85 15 65 45 C50 68 15 88 30 90 C40 78 55 92 80 84"],
        ["M28 15 C60 0 80 35 46 47 C90 50 70 100 25 85", "M28 12 L72 12 L48 42 C88 46 78 100 26 84"],
        ["M35 10 L26 58 L76 58 M64 34 L58 95", "M62 92 L62 8 L22 65 L80 65", "M30 12 C26 40 24 52 40 54 L72 50 M70 12 L64 92"],
        ["M72 12 L35 12 L32 45 C75 35 80 90 28 88", "M36 12 L32 46 C84 34 84 96 26 86 M36 12 L74 10"],
        [
            "M65 8 C30 30 20 90 50 90 C80 90 75 50 50 50 C38 50 32 62 32 70",
            "M58 8 C30 40 25 60 30 78 C38 100 78 90 70 66 C64 50 40 56 31 74",
        ],
        ["M25 15 L75 15 L45 92", "M26 16 L74 14 L46 92 M36 52 L68 50", "M26 24 L28 14 C44 20 58 12 76 14 C62 36 52 60 48 92"],
        [
            "M68 20 C50 0 20 25 45 45 C80 65 75 92 50 92 C22 92 25 65 52 45 C70 30 72 25 68 20",
            "M50 48 C26 40 30 10 50 10 C70 10 74 40 50 48 C20 58 24 92 50 92 C78 92 80 58 50 48",
        ],
        ["M68 25 C40 0 20 45 42 50 C60 52 68 35 68 25 L62 92", "M70 28 C62 4 28 8 30 32 C34 58 68 48 70 28 C72 60 66 86 40 92"],
    ];

    /// <summary>Draws a digit.</summary>
    /// <param name="hand">Which hand, from 0.</param>
    /// <param name="digit">0 to 9.</param>
    /// <param name="variant">Which drawing of the digit by the hand, from 0.</param>
    /// <returns>A PNG file.</returns>
    public static byte[] Draw(int hand, int digit, int variant = 0)
    {
        var (slant, proportion, pen, ink) = HabitsOf(hand);
        var random = new Random(10_000 * variant + 100 * hand + digit);
        var (width, height) = (160 + random.Next(200), 160 + random.Next(200));
        var size = Math.Min(width, height) * (0.4f + 0.4f * random.NextSingle());

        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var canvas = new SKCanvas(bitmap);
        var paper = (byte)(225 + random.Next(31));
        canvas.Clear(new SKColor(paper, paper, (byte)(paper - random.Next(20))));
        canvas.Translate(size / 2 + (width - size) * random.NextSingle(), size / 2 + (height - size) * random.NextSingle());
        canvas.RotateDegrees(40 * random.NextSingle() - 20);
        canvas.Concat(new SKMatrix(proportion * size / 110, slant * size / 110, 0, 0, size / 110, 0, 0, 0, 1));
        canvas.Translate(-50, -50);
        using var path = Wobble(FormOf(hand, digit), random);
        using var paint = Pen(hand, pen, new SKColor((byte)ink, (byte)ink, (byte)(ink + random.Next(120))));
        canvas.DrawPath(path, paint);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>Draws digits side by side.</summary>
    /// <param name="hand">Which hand, from 0.</param>
    /// <param name="digits">As in "42".</param>
    /// <param name="gap">Space between two digits, as a fraction of their height.</param>
    /// <returns>A PNG file.</returns>
    public static byte[] DrawNumber(int hand, string digits, double gap)
    {
        var (slant, proportion, pen, ink) = HabitsOf(hand);
        var random = new Random(hand);
        using var bitmap = new SKBitmap(100 + 200 * digits.Length, 240, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var canvas = new SKCanvas(bitmap);
        using var paint = Pen(hand, pen, new SKColor((byte)ink, (byte)ink, (byte)ink));
        canvas.Clear(SKColors.White);
        var left = 50f;
        foreach (var digit in digits)
        {
            using var path = Wobble(FormOf(hand, digit - '0'), random);
            path.Transform(new SKMatrix(proportion, slant, 0, 0, 1, 0, 0, 0, 1));
            var box = path.TightBounds;
            path.Transform(SKMatrix.CreateTranslation(left - box.Left, 70 + 10 * random.NextSingle() - box.Top));
            canvas.DrawPath(path, paint);
            left += box.Width + pen + (float)gap * 85;
        }

        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private static (float Slant, float Proportion, float Pen, int Ink) HabitsOf(int hand)
    {
        var own = new Random(hand);
        return (0.5f * own.NextSingle() - 0.3f, 0.75f + 0.4f * own.NextSingle(), 3 + 15 * own.NextSingle(), own.Next(90));
    }

    private static SKPath FormOf(int hand, int digit) =>
        SKPath.ParseSvgPathData(Forms[digit][new Random(1000 + 10 * hand + digit).Next(Forms[digit].Length)]);

    private static SKPaint Pen(int hand, float width, SKColor colour) => new()
    {
        Style = SKPaintStyle.Stroke,
        IsAntialias = true,
        Color = colour,
        StrokeWidth = width,
        StrokeCap = hand % 2 == 0 ? SKStrokeCap.Round : SKStrokeCap.Butt,
        StrokeJoin = SKStrokeJoin.Round,
    };

    // Every point a little beside its place, as no one draws a digit twice the same.
    private static SKPath Wobble(SKPath path, Random random)
    {
        var wobbled = new SKPath();
        using var points = path.CreateRawIterator();
        var at = new SKPoint[4];
        for (var verb = points.Next(at); verb != SKPathVerb.Done; verb = points.Next(at))
            if (verb is SKPathVerb.Move)
                wobbled.MoveTo(Near(at[0]));
            else if (verb is SKPathVerb.Line)
                wobbled.LineTo(Near(at[1]));
            else if (verb is SKPathVerb.Cubic)
                wobbled.CubicTo(Near(at[1]), Near(at[2]), Near(at[3]));
        return wobbled;

        SKPoint Near(SKPoint point) => new(point.X + 12 * random.NextSingle() - 6, point.Y + 12 * random.NextSingle() - 6);
    }
}
