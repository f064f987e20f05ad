using SkiaSharp;

namespace MnistCnn.Tests.Data;

/// <summary>A image in the making: objects on paper, light and effects of the camera.</summary>
internal sealed class Scene : IDisposable
{
    // G. Box and M. Muller, 1958, doi:10.1214/aoms/1177706645.
    private static readonly double[] Normal = [.. Enumerable.Range(0, 4096).Select(at =>
        Math.Sqrt(-2 * Math.Log((at % 64 + 0.5) / 64)) * Math.Cos(2 * Math.PI * (at / 64 + 0.5) / 64))];

    private readonly SKBitmap picture;

    /// <summary>An empty sheet.</summary>
    /// <param name="random">Source of all random numbers.</param>
    /// <param name="width">In pixels.</param>
    /// <param name="height">In pixels.</param>
    /// <param name="paper">Its colour.</param>
    public Scene(Random random, int width, int height, SKColor paper)
    {
        Random = random;
        picture = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        picture.Erase(paper);
        Canvas = new SKCanvas(picture);
    }

    public Random Random { get; }

    public SKCanvas Canvas { get; }

    public int Width => picture.Width;

    public int Height => picture.Height;

    public int Short => Math.Min(Width, Height);

    public void Dispose()
    {
        Canvas.Dispose();
        picture.Dispose();
    }

    public float Between(double from, double to) => (float)(from + (to - from) * Random.NextDouble());

    public bool Chance(double share) => Random.NextDouble() < share;

    public static SKColor Grey(double grey) => new((byte)grey, (byte)grey, (byte)grey);

    /// <summary>Writes the digit.</summary>
    /// <param name="ink">The digit.</param>
    /// <param name="colour">Colour of the ink.</param>
    /// <param name="size">The longer side, in pixels.</param>
    /// <param name="x">The middle, in pixels, or null for any place that leaves it within the image.</param>
    /// <param name="y">The middle, in pixels, or null for any place that leaves it within the image.</param>
    /// <param name="stroke">The width of a drawn line, in pixels.</param>
    /// <param name="gaps">Which share of the ink the grain of the paper keeps off.</param>
    public void Write(DigitInk ink, SKColor colour, float size, float? x = null, float? y = null, float stroke = 3, double gaps = 0)
    {
        var margin = size * 0.6f;
        var coverage = ink.Coverage(
            Width, Height, x ?? Between(margin, Width - margin), y ?? Between(margin, Height - margin), size, stroke);
        if (gaps > 0)
            coverage = Array.ConvertAll(coverage, value => (byte)(value * (Chance(gaps) ? Random.NextDouble() * 0.7 : 1)));
        using var mask = new SKBitmap(new SKImageInfo(Width, Height, SKColorType.Alpha8));
        coverage.CopyTo(mask.GetPixelSpan());
        using var paint = new SKPaint { Color = colour };
        Canvas.DrawBitmap(mask, 0, 0, paint);
    }

    /// <summary>Draws a shape, softly if <paramref name="blur"/> is more than 0.</summary>
    public void Draw(
        Action<SKCanvas, SKPaint> shape, SKColor colour, double blur = 0, float stroke = 0, SKBlendMode blend = SKBlendMode.SrcOver)
    {
        using var paint = new SKPaint { Color = colour, IsAntialias = true, BlendMode = blend, StrokeWidth = stroke };
        paint.Style = stroke > 0 ? SKPaintStyle.Stroke : SKPaintStyle.Fill;
        paint.MaskFilter = blur > 0 ? SKMaskFilter.CreateBlur(SKBlurStyle.Normal, (float)blur) : null;
        shape(Canvas, paint);
    }

    /// <summary>Light that falls from one side to the other.</summary>
    /// <param name="from">How much there is where it is brightest, from 0 to 1.</param>
    /// <param name="to">How much there is on the other side.</param>
    public void Light(double from, double to)
    {
        var angle = Between(0, 2 * Math.PI);
        var (dx, dy) = (Width / 2f * MathF.Cos(angle), Height / 2f * MathF.Sin(angle));
        using var shader = SKShader.CreateLinearGradient(
            new SKPoint(Width / 2f - dx, Height / 2f - dy), new SKPoint(Width / 2f + dx, Height / 2f + dy),
            [Grey(255 * from), Grey(255 * to)], SKShaderTileMode.Clamp);
        Multiply(shader);
    }

    /// <summary>Darkens the corners.</summary>
    /// <param name="corner">How much light there is left, from 0 to 1.</param>
    public void Vignette(double corner)
    {
        var radius = MathF.Sqrt(Width * Width + Height * Height) / 2f;
        using var shader = SKShader.CreateRadialGradient(
            new SKPoint(Width * Between(0.4, 0.6), Height * Between(0.4, 0.6)), radius,
            [Grey(255), Grey(127 + 128 * corner), Grey(255 * corner)], [0, 0.6f, 1], SKShaderTileMode.Clamp);
        Multiply(shader);
    }

    /// <summary>Large soft patches.</summary>
    /// <param name="cells">How many along the longer side.</param>
    /// <param name="colour">Colour of the densest patches; its alpha is their density.</param>
    public void Clouds(int cells, SKColor colour)
    {
        using var small = new SKBitmap(new SKImageInfo(cells, cells, SKColorType.Alpha8));
        Random.NextBytes(small.GetPixelSpan());
        using var paint = new SKPaint { Color = colour };
        using var image = SKImage.FromBitmap(small);
        Canvas.DrawImage(image, SKRect.Create(Width, Height), new SKSamplingOptions(SKCubicResampler.Mitchell), paint);
    }

    public void Blur(float deviation)
    {
        using var copy = SKImage.FromBitmap(picture);
        using var filter = SKImageFilter.CreateBlur(deviation, deviation, SKShaderTileMode.Clamp);
        using var paint = new SKPaint { ImageFilter = filter };
        Canvas.DrawImage(copy, 0, 0, paint);
    }

    /// <summary>Normal noise, the same in all colours.</summary>
    public void Grain(double deviation) => Change(grey => grey + deviation * Normal[Random.Next(Normal.Length)]);

    /// <summary>Black and white pixels.</summary>
    /// <param name="share">How many.</param>
    public void Specks(double share) => Change(grey => Chance(share) ? Random.Next(2) * 255 : grey);

    /// <summary>The file: PNG, or JPEG of some quality.</summary>
    public byte[] Encode(int? quality = null)
    {
        quality ??= Chance(0.5) ? null : Random.Next(75, 96);
        using var data = picture.Encode(quality is null ? SKEncodedImageFormat.Png : SKEncodedImageFormat.Jpeg, quality ?? 100);
        return data.ToArray();
    }

    private void Multiply(SKShader shader)
    {
        using var paint = new SKPaint { Shader = shader, BlendMode = SKBlendMode.Multiply };
        Canvas.DrawPaint(paint);
    }

    // Gets the mean of a pixel's colours; what changes it changes them all by as much.
    private void Change(Func<double, double> change)
    {
        var pixels = picture.GetPixelSpan();
        for (var at = 0; at < pixels.Length; at += 4)
        {
            var grey = (pixels[at] + pixels[at + 1] + pixels[at + 2]) / 3.0;
            var more = change(grey) - grey;
            for (var colour = at; colour < at + 3; colour++)
                pixels[colour] = (byte)Math.Clamp(Math.Round(pixels[colour] + more), 0, 255);
        }
    }
}
