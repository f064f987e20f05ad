using SkiaSharp;

namespace MnistCnn.Web;

/// <summary>An image of a data set as a PNG file.</summary>
internal static class ImagePng
{
    /// <summary>Makes the file.</summary>
    /// <param name="pixels">From 0 to 255: (C, H, W).</param>
    /// <param name="model">The network that takes such images; of three channels they are red, green and blue, otherwise the first is shown.</param>
    public static byte[] Of(byte[] pixels, ModelInfo model)
    {
        var size = model.Height * model.Width;
        var isColour = model.Channels == 3;
        using var bitmap = new SKBitmap(new SKImageInfo(model.Width, model.Height, isColour ? SKColorType.Rgba8888 : SKColorType.Gray8, SKAlphaType.Opaque));
        var target = bitmap.GetPixelSpan();
        if (isColour)
            for (var at = 0; at < size; at++)
                (target[4 * at], target[4 * at + 1], target[4 * at + 2], target[4 * at + 3]) = (pixels[at], pixels[size + at], pixels[2 * size + at], byte.MaxValue);
        else
            for (var row = 0; row < model.Height; row++)
                pixels.AsSpan(row * model.Width, model.Width).CopyTo(target[(row * bitmap.RowBytes)..]);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
