using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Web;

internal static class ImagePng
{
    /// <summary>Encodes an image (C, H, W), uint8, as PNG: in RGB if it has three channels, otherwise its first channel in grey.</summary>
    public static byte[] Encode(Tensor image)
    {
        var isColour = image.shape[0] == 3;
        using Scalar opaque = byte.MaxValue; // by name, as in Normalization
        var pixels = isColour ? cat([image, full_like(image[..1], opaque)]).permute(1, 2, 0) : image[0];
        var format = isColour ? SKColorType.Rgba8888 : SKColorType.Gray8;
        var info = new SKImageInfo((int)image.shape[2], (int)image.shape[1], format, SKAlphaType.Opaque);
        using var picture = SKImage.FromPixelCopy(info, pixels.contiguous().bytes.ToArray());
        using var data = picture.Encode(SKEncodedImageFormat.Png, quality: 100);
        return data.ToArray();
    }
}
