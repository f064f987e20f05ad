using SkiaSharp;

namespace MnistCnn.Data;

/// <summary>Converts tensors to images that SkiaSharp draws and encodes.</summary>
internal static class TensorImage
{
    /// <param name="pixels">(C, H, W), uint8, on the CPU: red, green and blue, or one channel of grey values.</param>
    public static SKImage Create(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var isGrey = pixels.shape[0] == 1;
        // Skia takes four bytes per pixel and ignores the fourth.
        var interleaved = isGrey ? pixels : cat([pixels, pixels.narrow(0, 0, 1)]).permute(1, 2, 0);
        var info = new SKImageInfo(
            (int)pixels.shape[2], (int)pixels.shape[1], isGrey ? SKColorType.Gray8 : SKColorType.Rgb888x, SKAlphaType.Opaque);
        return SKImage.FromPixelCopy(info, interleaved.contiguous().bytes);
    }
}
