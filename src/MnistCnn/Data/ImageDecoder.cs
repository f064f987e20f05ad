using System.Runtime.InteropServices;
using MnistCnn.Files;
using MnistCnn.Runtime;
using SkiaSharp;

namespace MnistCnn.Data;

/// <summary>
/// Decodes PNG, JPEG, WebP, GIF (first frame), BMP, TIFF (first page) and PNM images of up to 100 megapixels: upright according to EXIF,
/// over white.
/// </summary>
/// <remarks>Parameters: <c>contents</c>, the whole file; <c>name</c>, its name for messages.</remarks>
internal static class ImageDecoder
{
    public static readonly string[] Extensions =
        [".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".pgm", ".ppm", ".pbm"];

    private const long MaxFileSize = 100_000_000, MaxPixels = 100_000_000;

    public static bool IsImageName(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    public static byte[] ReadAllBytes(string path) => new FileInfo(path) is { Exists: true, Length: > MaxFileSize }
        ? throw new InvalidDataException($"{path} is too large: an image may have {MaxFileSize / 1_000_000} MB.")
        : InputFile.ReadAllBytes(path);

    public static ImageHeader ReadHeader(byte[] contents, string name)
    {
        if (FindOwnHeader(contents, name) is { } header)
            return header;
        using var codec = Open(contents, name);
        return HeaderOf(codec);
    }

    /// <summary>Decodes an image to RGBA pixels with premultiplied alpha, in its own size.</summary>
    public static SKBitmap Decode(byte[] contents, string name)
    {
        using var codec = Open(contents, name);
        var (height, width, _) = HeaderOf(codec);
        return Fit(codec, name, height, width, ImageFit.Stretch, SKColors.Transparent);
    }

    /// <summary>Decodes an image for a network: pixels (C, H, W), or null if ink is wanted and the image is blank.</summary>
    /// <param name="settings">Resolved settings, without null for the size and for grey.</param>
    public static byte[]? ReadImage(byte[] contents, string name, ImageSettings settings)
    {
        var pixels = new byte[(settings.Grey == true ? 1 : 3) * settings.Height!.Value * settings.Width!.Value];
        return TryFit(contents, name, settings, pixels) ? pixels : null;
    }

    /// <summary>Decodes an image into memory for its pixels (C, H, W); returns false if ink is wanted and the image is blank.</summary>
    public static bool TryFit(byte[] contents, string name, ImageSettings settings, Span<byte> image)
    {
        if (settings.Fit is ImageFit.Ink)
            return DigitImage.Read(contents, name).AsSpan() is { Length: > 0 } digit && digit.TryCopyTo(image);

        using var codec = Open(contents, name);
        if (settings.Grey == true && TryDecodeGrey(codec, name, settings, image))
            return true;
        using var bitmap = Fit(codec, name, settings.Height!.Value, settings.Width!.Value, settings.Fit, SKColors.White);
        CopyTo(bitmap, settings.Grey == true ? 1 : 3, image);
        return true;
    }

    /// <summary>Creates a white grey or RGBA bitmap.</summary>
    internal static SKBitmap Allocate(int width, int height, bool isGrey, string name)
    {
        var bitmap = new SKBitmap();
        if (bitmap.TryAllocPixels(isGrey
            ? new SKImageInfo(width, height, SKColorType.Gray8, SKAlphaType.Opaque)
            : new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul)))
        {
            bitmap.Erase(SKColors.White);
            return bitmap;
        }

        bitmap.Dispose();
        throw new InvalidDataException($"{name} does not fit into memory: it has {width}x{height} pixels.");
    }

    internal static InvalidDataException Damaged(string name) => new($"{name} is damaged or cut short: it cannot be decoded.");

    private static SKCodec Open(byte[] contents, string name)
    {
        using var data = FindOwnHeader(contents, name) is null ? SKData.CreateCopy(contents) : ConvertToPng(contents, name);
        var codec = SKCodec.Create(data)
            ?? throw new InvalidDataException(
                $"{name} is not an image that can be read; it must be PNG, JPEG, WebP, GIF, BMP, TIFF or PNM.");
        using var guard = new DisposeOnError(codec);
        EnsureNotTooLarge(codec.Info.Width, codec.Info.Height, name);
        return guard.Complete(codec);
    }

    // Header of a format that SkiaSharp does not read, or null.
    private static ImageHeader? FindOwnHeader(byte[] contents, string name)
    {
        var header = TiffFile.Is(contents) ? TiffFile.ReadHeader(contents, name)
            : PnmFile.Is(contents) ? PnmFile.ReadHeader(contents, name) : null;
        if (header is not null)
            EnsureNotTooLarge(header.Width, header.Height, name);
        return header;
    }

    // Everything behind it then handles one kind of image. Without compression, this costs little more than a copy.
    private static SKData ConvertToPng(byte[] contents, string name)
    {
        using var bitmap = TiffFile.Is(contents) ? TiffFile.Decode(contents, name) : PnmFile.Decode(contents, name);
        using var pixels = bitmap.PeekPixels();
        return pixels.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.NoFilters, zLibLevel: 0)) ?? throw Damaged(name);
    }

    private static void EnsureNotTooLarge(int width, int height, string name)
    {
        if ((long)width * height > MaxPixels)
            throw new InvalidDataException(
                $"{name} is too large: it has {width}x{height} pixels, an image may have {MaxPixels / 1_000_000} million.");
    }

    private static ImageHeader HeaderOf(SKCodec codec)
    {
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        var isTurned = codec.EncodedOrigin >= SKEncodedOrigin.LeftTop;
        return new ImageHeader(isTurned ? width : height, isTurned ? height : width, codec.Info.ColorType == SKColorType.Gray8);
    }

    private static SKBitmap Fit(SKCodec codec, string name, int height, int width, ImageFit fit, SKColor background)
    {
        var upright = Upright(codec.EncodedOrigin, codec.Info.Width, codec.Info.Height);
        var (fullHeight, fullWidth, _) = HeaderOf(codec);
        var (scaleX, scaleY) = ((float)width / fullWidth, (float)height / fullHeight);
        if (fit is ImageFit.Crop)
            scaleX = scaleY = Math.Max(scaleX, scaleY);
        else if (fit is ImageFit.Pad)
            scaleX = scaleY = Math.Min(scaleX, scaleY);

        // JPEG decodes at any number of eighths of its size; fewer are faster.
        var eighths = Math.Min(8, MathF.Ceiling(8 * Math.Max(scaleX, scaleY)));
        var decoded = DecodeScaled(codec, codec.GetScaledDimensions(eighths / 8), name);
        if (decoded.Width == width && decoded.Height == height && upright.IsIdentity && decoded.AlphaType == SKAlphaType.Opaque)
            return decoded;
        using var source = decoded;
        var result = Allocate(width, height, isGrey: false, name);
        using var canvas = new SKCanvas(result);
        using var image = SKImage.FromBitmap(decoded);
        canvas.Clear(background);
        canvas.Translate((width - scaleX * fullWidth) / 2, (height - scaleY * fullHeight) / 2);
        canvas.Scale(scaleX, scaleY);
        canvas.Concat(upright);
        canvas.Scale((float)codec.Info.Width / decoded.Width, (float)codec.Info.Height / decoded.Height);
        canvas.DrawImage(image, 0, 0, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
        return result;
    }

    private static SKBitmap DecodeScaled(SKCodec codec, SKSizeI size, string name)
    {
        var alpha = codec.Info.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Premul;
        var bitmap = new SKBitmap();
        if (bitmap.TryAllocPixels(new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, alpha))
            && codec.GetPixels(bitmap.Info, bitmap.GetPixels()) == SKCodecResult.Success)
            return bitmap;
        bitmap.Dispose();
        throw Damaged(name);
    }

    // Transform from stored pixels of this size to the upright image.
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

    // Decodes grey pixels of the right size directly to their place.
    private static unsafe bool TryDecodeGrey(SKCodec codec, string name, ImageSettings settings, Span<byte> image)
    {
        if (codec.Info is not { ColorType: SKColorType.Gray8, AlphaType: SKAlphaType.Opaque } info
            || (info.Height, info.Width) != (settings.Height, settings.Width) || codec.EncodedOrigin != SKEncodedOrigin.TopLeft)
            return false;
        fixed (byte* pixels = image)
            return codec.GetPixels(info, (nint)pixels) == SKCodecResult.Success ? true : throw Damaged(name);
    }

    // To (C, H, W): red, green and blue, or the luma of ITU-R BT.601.
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
            for (var at = 0; at < pixels.Length; at++)
                image[channel * pixels.Length + at] = (byte)(pixels[at] >> (8 * channel));
    }
}

/// <summary>Height and width of the upright image in pixels, and whether the file is stored as grey.</summary>
internal sealed record ImageHeader(int Height, int Width, bool IsGrey);
