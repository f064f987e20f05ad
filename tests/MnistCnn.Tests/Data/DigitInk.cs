using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

/// <summary>The ink of one digit, to be drawn at any size: an image of MNIST or a stroke of a thin pen.</summary>
/// <param name="Digit">0 to 9.</param>
/// <param name="Image">Grey values, 0 is background: 28x28, row by row. Null where it is a stroke.</param>
/// <param name="Stroke">A line in the box that MNIST fits digits into, -10 to 10. Null where it is an image.</param>
/// <param name="Angle">In degrees, clockwise.</param>
internal sealed record DigitInk(int Digit, byte[]? Image, SKPath? Stroke, float Angle)
{
    private const int Side = 28;
    private const int Box = 20;

    /// <summary>A handwritten digit.</summary>
    /// <param name="image">Grey values, 0 is background: (28, 28), uint8.</param>
    /// <param name="digit">0 to 9.</param>
    /// <param name="angle">How far it is turned, in degrees.</param>
    public static DigitInk Of(Tensor image, int digit, float angle) => new(digit, image.data<byte>().ToArray(), null, angle);

    /// <summary>A drawn digit, stretched and slanted a little.</summary>
    public static DigitInk Drawn(Random random, float angle)
    {
        var digit = random.Next(10);
        var path = SKPath.ParseSvgPathData(DigitImageTests.Strokes[digit]);
        path.Transform(SKMatrix.CreateTranslation(-50, -50));
        path.Transform(new SKMatrix(
            0.24f * (0.85f + 0.3f * random.NextSingle()), 0.06f * (random.NextSingle() - 0.5f), 0, 0, 0.24f, 0, 0, 0, 1));
        return new DigitInk(digit, null, path, angle);
    }

    /// <summary>The digit as an image of MNIST, but for its place in whole pixels: 28x28, row by row.</summary>
    public byte[] Small() => Coverage(Side, Side, Side / 2, Side / 2, Box, 2.4f, isSharp: false);

    /// <summary>How far the ink covers each pixel of an image, from 0 to 255, row by row.</summary>
    /// <param name="x">The middle of the digit, in pixels.</param>
    /// <param name="y">The middle of the digit, in pixels.</param>
    /// <param name="size">The longer side of the digit, in pixels.</param>
    /// <param name="stroke">The width of a stroke, in pixels; an image has its own.</param>
    /// <param name="isSharp">Whether an image that is enlarged gets the narrow edges of a pen.</param>
    public byte[] Coverage(int width, int height, float x, float y, float size, float stroke, bool isSharp = true)
    {
        using var mask = new SKBitmap(new SKImageInfo(width, height, SKColorType.Gray8, SKAlphaType.Opaque));
        mask.Erase(SKColors.Black);
        using (var canvas = new SKCanvas(mask))
        {
            canvas.Translate(x, y);
            canvas.RotateDegrees(Angle);
            canvas.Scale(size / Box);
            Draw(canvas, stroke * Box / size);
        }

        var steepness = Image is null || !isSharp ? 1 : Math.Max(1, size / Box / 1.5);
        return Array.ConvertAll(mask.Bytes, grey => (byte)Math.Clamp((grey - 127.5) * steepness + 127.5, 0, 255));
    }

    private void Draw(SKCanvas canvas, float stroke)
    {
        if (Image is not null)
        {
            using var image = SKImage.FromPixelCopy(new SKImageInfo(Side, Side, SKColorType.Gray8, SKAlphaType.Opaque), Image);
            canvas.DrawImage(image, -Side / 2, -Side / 2, new SKSamplingOptions(SKCubicResampler.Mitchell));
            return;
        }

        using var paint = new SKPaint
        {
            Color = SKColors.White,
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeWidth = stroke,
            StrokeCap = SKStrokeCap.Round,
            StrokeJoin = SKStrokeJoin.Round,
        };
        canvas.DrawPath(Stroke, paint);
    }
}
