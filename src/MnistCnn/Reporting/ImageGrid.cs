using SkiaSharp;
using static TorchSharp.torch;

namespace MnistCnn.Reporting;

/// <summary>Grey images in rows and columns, with a heading over each column.</summary>
public static class ImageGrid
{
    private const int Side = 112;
    private const int Gap = 12;
    private const int Head = 90;

    /// <summary>Draws it.</summary>
    /// <param name="path">Where to; its ending is one of <see cref="Picture.Endings"/>.</param>
    /// <param name="title">The line above.</param>
    /// <param name="columns">From left to right: images of one size, from top to bottom (N, H, W), uint8.</param>
    public static void Draw(string path, string title, IReadOnlyList<(string Heading, Tensor Images)> columns)
    {
        var rows = columns.Max(column => column.Images.shape[0]);
        var width = columns.Count * (Side + Gap) + Gap;
        Picture.Write(path, width, Head + (int)rows * (Side + Gap), canvas =>
        {
            using var typeface = SKTypeface.FromFamilyName(Picture.Font);
            using var headFont = new SKFont(typeface, 20) { Embolden = true };
            using var font = new SKFont(typeface, 15);
            using var ink = new SKPaint { Color = SKColors.Black, IsAntialias = true };
            canvas.DrawText(title, width / 2f, 38, SKTextAlign.Center, headFont, ink);
            foreach (var (column, (heading, images)) in columns.Index())
            {
                var left = Gap + column * (Side + Gap);
                canvas.DrawText(heading, left + Side / 2f, Head - 12, SKTextAlign.Center, font, ink);
                for (var row = 0; row < images.shape[0]; row++)
                {
                    using var pixels = images[row];
                    using var image = Picture.Grey(pixels);
                    canvas.DrawImage(image, SKRect.Create(left, Head + row * (Side + Gap), Side, Side), new SKSamplingOptions(SKFilterMode.Nearest));
                }
            }
        });
    }
}
