using System.Runtime.InteropServices;
using MnistCnn.Files;
using SkiaSharp;

namespace MnistCnn.Data;

/// <summary>Reads one picture: PNG, JPEG, WebP, GIF (its first frame) or BMP, of up to 100 megapixels.</summary>
internal static class ImageDecoder
{
    /// <summary>How the names of such files end.</summary>
    public static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif"];

    private const long LargestFile = 100_000_000;
    private const long LargestPicture = 100_000_000;

    /// <summary>Whether a file's name says that it is a picture.</summary>
    public static bool IsNamed(string path) => Endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads the bytes of a file.</summary>
    /// <exception cref="InvalidDataException">It is too large to be decoded, or empty.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    public static byte[] ReadAllBytes(string path) => new FileInfo(path) is { Exists: true, Length: > LargestFile }
        ? throw new InvalidDataException($"{path} is too large: a picture may have {LargestFile / 1_000_000} MB.")
        : InputFile.ReadAllBytes(path);

    /// <summary>Reads a picture's header, and nothing behind it.</summary>
    /// <param name="contents">The whole file.</param>
    /// <param name="name">What to call it in a message.</param>
    /// <exception cref="InvalidDataException">It is not such a file, or the picture is too large.</exception>
    public static PictureHeader ReadHeader(byte[] contents, string name)
    {
        using var codec = Open(contents, name);
        return HeaderOf(codec);
    }

    /// <summary>Decodes a picture, upright and over white.</summary>
    /// <param name="contents">The whole file.</param>
    /// <param name="name">What to call it in a message.</param>
    /// <returns>Opaque pixels in RGBA, 8 bits each.</returns>
    /// <exception cref="InvalidDataException">It is not such a file, it is damaged or cut short, or the picture is too large.</exception>
    public static SKBitmap Decode(byte[] contents, string name)
    {
        using var codec = Open(contents, name);
        var header = HeaderOf(codec);
        return Fit(codec, name, header.Height, header.Width, ImageFit.Stretch);
    }

    /// <summary>Decodes a picture and brings it to a size, upright and over white.</summary>
    /// <param name="contents">The whole file.</param>
    /// <param name="name">What to call it in a message.</param>
    /// <param name="height">Pixels from top to bottom.</param>
    /// <param name="width">Pixels from left to right.</param>
    /// <param name="fit">How; not as ink.</param>
    /// <returns>Opaque pixels in RGBA, 8 bits each. Where the picture has that size, they are its own.</returns>
    /// <exception cref="InvalidDataException">It is not such a file, it is damaged or cut short, or the picture is too large.</exception>
    public static SKBitmap Fit(byte[] contents, string name, int height, int width, ImageFit fit)
    {
        using var codec = Open(contents, name);
        return Fit(codec, name, height, width, fit);
    }

    /// <summary>Decodes a picture and makes it an image of a data set.</summary>
    /// <param name="contents">The whole file.</param>
    /// <param name="name">What to call it in a message.</param>
    /// <param name="settings">How; with a size, and grey or not.</param>
    /// <param name="image">Takes it: (C, H, W).</param>
    /// <exception cref="InvalidDataException">It is not such a file, it is damaged or cut short, too large, or blank where ink is to be found.</exception>
    public static void Fit(byte[] contents, string name, ImageSettings settings, Span<byte> image)
    {
        if (settings.Fit is ImageFit.Ink)
        {
            using var digit = DigitImage.Read(contents, name) ?? throw new InvalidDataException($"{name} shows no ink: it is blank.");
            digit.bytes.CopyTo(image);
            return;
        }

        using var codec = Open(contents, name);
        if (settings.Grey == true && TryDecodeGrey(codec, name, settings, image))
            return;
        using var bitmap = Fit(codec, name, settings.Height!.Value, settings.Width!.Value, settings.Fit);
        CopyTo(bitmap, settings.Grey == true ? 1 : 3, image);
    }

    /// <summary>Decodes an image file for a network: pixels (C, H, W), or null if ink is to be found and the image is blank.</summary>
    /// <exception cref="InvalidDataException">It is not an image file, damaged, cut short or too large.</exception>
    public static byte[]? ReadImage(byte[] contents, string name, ImageSettings settings)
    {
        if (settings.Fit is ImageFit.Ink)
        {
            using var digit = DigitImage.Read(contents, name);
            return digit?.bytes.ToArray();
        }

        var pixels = new byte[(settings.Grey == true ? 1 : 3) * settings.Height!.Value * settings.Width!.Value];
        Fit(contents, name, settings, pixels);
        return pixels;
    }

    private static SKBitmap Fit(SKCodec codec, string name, int height, int width, ImageFit fit)
    {
        var upright = Upright(codec.EncodedOrigin, codec.Info.Width, codec.Info.Height);
        var (fullHeight, fullWidth, _) = HeaderOf(codec);
        var (scaleX, scaleY) = ((float)width / fullWidth, (float)height / fullHeight);
        if (fit is ImageFit.Crop)
            scaleX = scaleY = Math.Max(scaleX, scaleY);
        else if (fit is ImageFit.Pad)
            scaleX = scaleY = Math.Min(scaleX, scaleY);

        // A JPEG can be decoded at so many eighths of its size, the fewer the faster.
        var eighths = Math.Min(8, MathF.Ceiling(8 * Math.Max(scaleX, scaleY)));
        var decoded = Pixels(codec, codec.GetScaledDimensions(eighths / 8), name);
        if (decoded.Width == width && decoded.Height == height && upright.IsIdentity && decoded.AlphaType == SKAlphaType.Opaque)
            return decoded;
        using var rest = decoded;
        var result = new SKBitmap();
        if (!result.TryAllocPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul)))
        {
            result.Dispose();
            throw new InvalidDataException($"{name} does not fit into memory: it has {fullWidth}x{fullHeight} pixels.");
        }

        using var canvas = new SKCanvas(result);
        using var image = SKImage.FromBitmap(decoded);
        canvas.Clear(SKColors.White);
        canvas.Translate((width - scaleX * fullWidth) / 2, (height - scaleY * fullHeight) / 2);
        canvas.Scale(scaleX, scaleY);
        canvas.Concat(upright);
        canvas.Scale((float)codec.Info.Width / decoded.Width, (float)codec.Info.Height / decoded.Height);
        canvas.DrawImage(image, 0, 0, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
        return result;
    }

    // Grey pixels that need no other size are decoded to where they go.
    private static unsafe bool TryDecodeGrey(SKCodec codec, string name, ImageSettings settings, Span<byte> image)
    {
        if (codec.Info is not { ColorType: SKColorType.Gray8, AlphaType: SKAlphaType.Opaque } info
            || (info.Height, info.Width) != (settings.Height, settings.Width) || codec.EncodedOrigin != SKEncodedOrigin.TopLeft)
            return false;
        fixed (byte* pixels = image)
            return codec.GetPixels(info, (nint)pixels) == SKCodecResult.Success ? true : throw Damaged(name);
    }

    // Channel by channel, as networks take them: red, green, blue, or the luma of ITU-R BT.601.
    private static void CopyTo(SKBitmap bitmap, int channels, Span<byte> image)
    {
        var pixels = MemoryMarshal.Cast<byte, uint>(bitmap.GetPixelSpan());
        if (channels == 1)
        {
            for (var at = 0; at < pixels.Length; at++)
                image[at] = (byte)((299 * (byte)pixels[at] + 587 * (byte)(pixels[at] >> 8) + 114 * (byte)(pixels[at] >> 16) + 500) / 1000);
            return;
        }

        for (var channel = 0; channel < channels; channel++)
        {
            var plane = image.Slice(channel * pixels.Length, pixels.Length);
            var shift = 8 * channel;
            for (var at = 0; at < plane.Length; at++)
                plane[at] = (byte)(pixels[at] >> shift);
        }
    }

    private static SKCodec Open(byte[] contents, string name)
    {
        using var data = SKData.CreateCopy(contents);
        var codec = SKCodec.Create(data)
            ?? throw new InvalidDataException($"{name} is not a picture that can be read; it must be PNG, JPEG, WebP, GIF or BMP.");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height <= LargestPicture)
            return codec;
        codec.Dispose();
        throw new InvalidDataException(
            $"{name} is too large: it has {width}x{height} pixels, a picture may have {LargestPicture / 1_000_000} million.");
    }

    private static PictureHeader HeaderOf(SKCodec codec)
    {
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        var isTurned = codec.EncodedOrigin >= SKEncodedOrigin.LeftTop;
        return new PictureHeader(isTurned ? width : height, isTurned ? height : width, codec.Info.ColorType == SKColorType.Gray8);
    }

    private static SKBitmap Pixels(SKCodec codec, SKSizeI size, string name)
    {
        var alpha = codec.Info.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Premul;
        var bitmap = new SKBitmap();
        if (bitmap.TryAllocPixels(new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, alpha))
            && codec.GetPixels(bitmap.Info, bitmap.GetPixels()) == SKCodecResult.Success)
            return bitmap;
        bitmap.Dispose();
        throw Damaged(name);
    }

    private static InvalidDataException Damaged(string name) => new($"{name} is damaged or cut short: it cannot be decoded.");

    // What turns a picture of that size as its EXIF says.
    private static SKMatrix Upright(SKEncodedOrigin origin, int width, int height) => origin switch
    {
        SKEncodedOrigin.TopRight => new SKMatrix(-1, 0, width, 0, 1, 0, 0, 0, 1),
        SKEncodedOrigin.BottomRight => new SKMatrix(-1, 0, width, 0, -1, height, 0, 0, 1),
        SKEncodedOrigin.BottomLeft => new SKMatrix(1, 0, 0, 0, -1, height, 0, 0, 1),
        SKEncodedOrigin.LeftTop => new SKMatrix(0, 1, 0, 1, 0, 0, 0, 0, 1),
        SKEncodedOrigin.RightTop => new SKMatrix(0, -1, height, 1, 0, 0, 0, 0, 1),
        SKEncodedOrigin.RightBottom => new SKMatrix(0, -1, height, -1, 0, width, 0, 0, 1),
        SKEncodedOrigin.LeftBottom => new SKMatrix(0, 1, 0, -1, 0, width, 0, 0, 1),
        _ => SKMatrix.Identity,
    };
}

/// <summary>What a picture's header says.</summary>
/// <param name="Height">Pixels from top to bottom, when it is upright.</param>
/// <param name="Width">Pixels from left to right, when it is upright.</param>
/// <param name="IsGrey">Whether it is of grey alone.</param>
internal sealed record PictureHeader(int Height, int Width, bool IsGrey);
