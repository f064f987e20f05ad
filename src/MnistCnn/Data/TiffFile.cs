using System.Runtime.InteropServices;
using BitMiracle.LibTiff.Classic;
using SkiaSharp;

namespace MnistCnn.Data;

/// <summary>Reads the first page of a TIFF file: grey, colour, palette or CMYK with up to 16 bits per value.</summary>
internal static class TiffFile
{
    static TiffFile() => Tiff.SetErrorHandler(new Silent());

    public static bool Is(ReadOnlySpan<byte> contents) =>
        contents is [(byte)'I', (byte)'I', 42 or 43, 0, ..] or [(byte)'M', (byte)'M', 0, 42 or 43, ..];

    public static ImageHeader ReadHeader(byte[] contents, string name) => Read(contents, name, tiff =>
    {
        var (height, width, isGrey, origin) = HeaderOf(tiff, name);
        return origin >= Orientation.LEFTTOP ? new ImageHeader(width, height, isGrey) : new ImageHeader(height, width, isGrey);
    });

    /// <summary>Decodes a file to upright grey or RGBA pixels; the colours of the latter are multiplied by alpha.</summary>
    public static SKBitmap Decode(byte[] contents, string name) => Read(contents, name, tiff =>
    {
        var (height, width, isGrey, origin) = HeaderOf(tiff, name);
        var stored = new int[height * width];
        if (!tiff.ReadRGBAImageOriented(width, height, stored, origin, stopOnError: true))
            throw new InvalidDataException($"{name} is damaged, cut short, or a kind of TIFF file that cannot be read.");
        var isTurned = origin >= Orientation.LEFTTOP;
        var fromBottom = origin is Orientation.BOTRIGHT or Orientation.BOTLEFT or Orientation.RIGHTTOP or Orientation.RIGHTBOT;
        var fromRight = origin is Orientation.TOPRIGHT or Orientation.BOTRIGHT or Orientation.RIGHTBOT or Orientation.LEFTBOT;
        var bitmap = ImageDecoder.Allocate(isTurned ? height : width, isTurned ? width : height, isGrey, name);
        for (var y = 0; y < bitmap.Height; y++)
        {
            var line = bitmap.GetPixelSpan().Slice(y * bitmap.RowBytes, bitmap.RowBytes);
            var colours = MemoryMarshal.Cast<byte, int>(line);
            for (var x = 0; x < bitmap.Width; x++)
            {
                var (row, column) = isTurned ? (x, y) : (y, x);
                var pixel = stored[(fromBottom ? height - 1 - row : row) * width + (fromRight ? width - 1 - column : column)];
                if (isGrey)
                    line[x] = (byte)pixel;
                else
                    colours[x] = pixel;
            }
        }

        return bitmap;
    });

    private static (int Height, int Width, bool IsGrey, Orientation Origin) HeaderOf(Tiff tiff, string name)
    {
        if (!tiff.RGBAImageOK(out var reason))
            throw new InvalidDataException($"{name} is a kind of TIFF file that cannot be read: {reason.ReplaceLineEndings(" ")}.");
        var (height, width) = (Field(TiffTag.IMAGELENGTH), Field(TiffTag.IMAGEWIDTH));
        var (photometric, origin) = ((Photometric)Field(TiffTag.PHOTOMETRIC), (Orientation)Field(TiffTag.ORIENTATION));
        var (isGrey, values) = (photometric is Photometric.MINISBLACK or Photometric.MINISWHITE, Field(TiffTag.SAMPLESPERPIXEL));
        if (values > (isGrey ? 2 : 5)) // the library would take the first ones: grey with alpha has 2, CMYK with alpha 5
            throw new InvalidDataException($"{name} has {values} values per pixel: it must be a grey or a colour image.");
        return (height, width, isGrey && values == 1, Enum.IsDefined(origin) ? origin : Orientation.TOPLEFT);

        int Field(TiffTag tag) => tiff.GetFieldDefaulted(tag)?[0].ToInt() ?? throw ImageDecoder.Damaged(name);
    }

    // LibTiff.NET 2.4.660 throws exceptions of many types for damaged files.
    private static T Read<T>(byte[] contents, string name, Func<Tiff, T> read)
    {
        try
        {
            using var tiff = Tiff.ClientOpen(name, "r", new MemoryStream(contents), new TiffStream()) ?? throw ImageDecoder.Damaged(name);
            return read(tiff);
        }
        catch (Exception error) when (error is not (InvalidDataException or OutOfMemoryException))
        {
            throw ImageDecoder.Damaged(name);
        }
    }

    // Otherwise, the library writes to standard error.
    private sealed class Silent : TiffErrorHandler
    {
        public override void ErrorHandler(Tiff tif, string method, string format, params object[] args)
        {
        }

        public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
        {
        }
    }
}
