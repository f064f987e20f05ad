using System.Buffers.Text;
using SkiaSharp;

namespace MnistCnn.Data;

/// <summary>Reads the first image of a PBM, PGM or PPM file, in text or binary, with up to 16 bits per value.</summary>
/// <remarks>Source: the manual pages pbm(5), pgm(5) and ppm(5) of Netpbm, "The format".</remarks>
internal static class PnmFile
{
    public static bool Is(ReadOnlySpan<byte> contents) =>
        contents is [(byte)'P', >= (byte)'1' and <= (byte)'6', var next, ..] && (IsBlank(next) || next == '#');

    public static ImageHeader ReadHeader(ReadOnlySpan<byte> contents, string name) => ParseHeader(contents, name).Image;

    /// <summary>Decodes a file to grey or RGBA pixels.</summary>
    public static SKBitmap Decode(ReadOnlySpan<byte> contents, string name)
    {
        var header = ParseHeader(contents, name);
        var (height, width, isGrey) = header.Image;
        var channels = isGrey ? 1 : 3;
        var valuesPerRow = channels * width;
        var bytesPerRow = header.BitsPerValue * valuesPerRow / 8 + (header.BitsPerValue * valuesPerRow % 8 > 0 ? 1 : 0);
        var rest = contents[Math.Min(contents.Length, header.Length)..];
        if (rest.Length < (header.IsText ? (long)valuesPerRow : bytesPerRow) * height) // before memory is allocated
            throw ImageDecoder.Damaged(name);
        var bitmap = ImageDecoder.Allocate(width, height, isGrey, name);
        var pixels = bitmap.GetPixelSpan();
        var at = 0;
        for (var y = 0; y < height; y++)
            for (var index = 0; index < valuesPerRow; index++)
            {
                var value = header.IsText
                    ? ReadText(rest, ref at, header)
                    : ReadBinary(rest[(y * bytesPerRow)..], index, header.BitsPerValue);
                if (value < 0 || value > header.MaxValue)
                {
                    bitmap.Dispose();
                    throw ImageDecoder.Damaged(name);
                }

                var scaled = (byte)((value * byte.MaxValue + header.MaxValue / 2) / header.MaxValue);
                pixels[y * bitmap.RowBytes + (isGrey ? index : index / 3 * 4 + index % 3)] = header.IsBitmap ? (byte)~scaled : scaled;
            }

        return bitmap;
    }

    // "P", the kind, width, height and, except for bitmaps, the largest value; one blank before binary values.
    private static PnmHeader ParseHeader(ReadOnlySpan<byte> contents, string name)
    {
        var (kind, at) = (contents[1] - '0', 2);
        var (width, height) = (ReadNumber(contents, ref at), ReadNumber(contents, ref at));
        var maxValue = kind is 1 or 4 ? 1 : ReadNumber(contents, ref at);
        return width > 0 && height > 0 && maxValue is > 0 and <= ushort.MaxValue
            ? new PnmHeader(kind, maxValue, at + 1, new ImageHeader(height, width, IsGrey: kind is not (3 or 6)))
            : throw ImageDecoder.Damaged(name);
    }

    private static int ReadBinary(ReadOnlySpan<byte> row, int index, int bits) => bits switch
    {
        1 => row[index / 8] >> (7 - index % 8) & 1,
        8 => row[index],
        _ => row[2 * index] << 8 | row[2 * index + 1],
    };

    // The digits of a bitmap need no blanks between them.
    private static int ReadText(ReadOnlySpan<byte> text, ref int at, PnmHeader header) =>
        header.IsBitmap && SkipBlanks(text, ref at) ? text[at++] - '0' : ReadNumber(text, ref at);

    // Returns -1 at the end and for other text than a number.
    private static int ReadNumber(ReadOnlySpan<byte> text, ref int at)
    {
        if (!SkipBlanks(text, ref at) || !Utf8Parser.TryParse(text[at..], out int number, out var length))
            return -1;
        at += length;
        return number;
    }

    // Skips comments too; returns false at the end.
    private static bool SkipBlanks(ReadOnlySpan<byte> text, ref int at)
    {
        for (var isComment = false; at < text.Length; at++)
        {
            isComment = text[at] == '#' || (isComment && text[at] is not ((byte)'\n' or (byte)'\r'));
            if (!isComment && !IsBlank(text[at]))
                return true;
        }

        return false;
    }

    private static bool IsBlank(byte letter) => letter is (byte)' ' or (>= 9 and <= 13);

    /// <param name="Kind">1 to 3 for text, 4 to 6 for binary values: bitmap, grey, colour.</param>
    /// <param name="Length">Bytes before the values.</param>
    private sealed record PnmHeader(int Kind, int MaxValue, int Length, ImageHeader Image)
    {
        public bool IsText => Kind <= 3;
        public bool IsBitmap => Kind is 1 or 4;
        public int BitsPerValue => IsBitmap ? 1 : MaxValue <= byte.MaxValue ? 8 : 16;
    }
}
