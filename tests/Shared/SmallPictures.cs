using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using ICSharpCode.SharpZipLib.Checksum;
using MnistCnn.Data;
using SkiaSharp;

namespace MnistCnn.Tests;

/// <summary>Makes picture files and folders of them.</summary>
public static class SmallPictures
{
    /// <summary>Writes images of random pixels, with one folder per class.</summary>
    public static void Write(string folder, string[] classes, int count, int side = 16, bool grey = false, int seed = 1)
    {
        var random = new Random(seed);
        foreach (var name in classes)
            for (var index = 0; index < count; index++)
                Save(Path.Combine(folder, name, $"{index:000}.png"), side, side, (_, _) => grey
                    ? Grey((byte)random.Next(256))
                    : new SKColor((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256)), grey: grey);
    }

    /// <summary>Writes grey images as PNG files, with one folder per class; the names of the files keep the order.</summary>
    internal static void WriteImages(LabeledImages set, string folder)
    {
        var (pixels, labels) = (set.Images.bytes.ToArray(), set.Labels.data<long>().ToArray());
        var (height, width) = ((int)set.Images.shape[2], (int)set.Images.shape[3]);
        for (var index = 0; index < labels.Length; index++)
            Save(
                Path.Combine(folder, $"{labels[index]}", $"{index:00000}.png"), width, height,
                (x, y) => Grey(pixels[height * width * index + width * y + x]), grey: true);
    }

    public static SKColor Grey(byte value) => new(value, value, value);

    public static void Save(
        string path,
        int width,
        int height,
        Func<int, int, SKColor> colour,
        SKEncodedImageFormat format = SKEncodedImageFormat.Png,
        bool grey = false)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, Encode(width, height, colour, format, grey));
    }

    public static byte[] Encode(
        int width, int height, Func<int, int, SKColor> colour, SKEncodedImageFormat format = SKEncodedImageFormat.Png, bool grey = false)
    {
        using var bitmap = grey
            ? new SKBitmap(width, height, SKColorType.Gray8, SKAlphaType.Opaque)
            : new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                bitmap.SetPixel(x, y, colour(x, y));
        using var data = bitmap.Encode(format, 100);
        return data.ToArray();
    }

    /// <summary>A PNG file whose header says that size, with 16 bits a channel: red, green, blue.</summary>
    public static byte[] Png16(int width, int height, Func<int, int, (ushort Red, ushort Green, ushort Blue)> colour)
    {
        using var pixels = new MemoryStream();
        Span<byte> sample = stackalloc byte[6];
        for (var y = 0; y < height; y++)
        {
            pixels.WriteByte(0);
            for (var x = 0; x < width; x++)
            {
                var (red, green, blue) = colour(x, y);
                BinaryPrimitives.WriteUInt16BigEndian(sample, red);
                BinaryPrimitives.WriteUInt16BigEndian(sample[2..], green);
                BinaryPrimitives.WriteUInt16BigEndian(sample[4..], blue);
                pixels.Write(sample);
            }
        }

        return Png(width, height, depth: 16, pixels.ToArray());
    }

    /// <summary>A PNG file in colour that says one size and holds these rows, whatever they are.</summary>
    public static byte[] Png(int width, int height, byte depth, byte[] rows)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(rows);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (depth, 2);
        return [0x89, .. "PNG\r\n\x1a\n"u8, .. Chunk("IHDR", header), .. Chunk("IDAT", packed.ToArray()), .. Chunk("IEND", [])];
    }

    /// <summary>A JPEG file with an EXIF segment that says how the picture is to be turned, from 1 to 8.</summary>
    public static byte[] WithOrientation(byte[] jpeg, byte orientation)
    {
        byte[] exif =
        [
            .. "Exif\0\0MM\0*"u8, 0, 0, 0, 8, // big-endian, the first directory right behind
            0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0, // one entry: orientation, one short
        ];
        return [.. jpeg[..2], 0xff, 0xe1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
        var chunk = new byte[body.Length + 8];
        var checksum = new Crc32();
        checksum.Update(body);
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        body.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(body.Length + 4), (uint)checksum.Value);
        return chunk;
    }
}
