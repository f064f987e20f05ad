using System.Text;
using BitMiracle.LibTiff.Classic;
using CsCheck;
using MnistCnn.Data;

namespace MnistCnn.Tests.Data;

/// <summary>Image formats that SkiaSharp does not read: TIFF, and PBM, PGM and PPM.</summary>
public sealed class ImageFormatsTests
{
    // Width, height, largest value, and the values of a colour image: any number of pixels of three channels.
    private static readonly Gen<(int Width, int Height, int Max, int[] Values)> Images =
        from width in Gen.Int[1, 9]
        from height in Gen.Int[1, 9]
        from max in Gen.OneOf(Gen.Const(1), Gen.Const(255), Gen.Const(65535), Gen.Int[1, 65535])
        from values in Gen.Int[0, max].Array[3 * width * height]
        select (width, height, max, values);

    [Fact]
    public void Every_kind_of_PNM_gives_the_values_that_were_written() => Images.Sample(image =>
    {
        var (width, height, max, values) = image;
        int[] grey = [.. values.Take(width * height)];
        byte[] scaledGrey = [.. grey.Select(Scaled)], scaled = [.. values.Select(Scaled)];
        Assert.Equal(scaledGrey, Read(Pnm('2', grey), grey: true));
        Assert.Equal(scaledGrey, Read(Pnm('5', grey), grey: true));
        Assert.Equal(scaled, Interleave(Read(Pnm('3', values), grey: false)));
        Assert.Equal(scaled, Interleave(Read(Pnm('6', values), grey: false)));
        int[] bits = [.. grey.Select(value => value % 2)];
        byte[] ink = [.. bits.Select(bit => (byte)(bit == 1 ? 0 : 255))];
        Assert.Equal(ink, Read([.. Header($"P1 {width} {height}"), .. Encoding.ASCII.GetBytes(string.Concat(bits))], grey: true));
        var rows = bits.Chunk(width).SelectMany(row => row.Chunk(8))
            .Select(chunk => (byte)chunk.Index().Sum(bit => bit.Item << (7 - bit.Index)));
        Assert.Equal(ink, Read([.. Header($"P4 {width} {height}"), .. rows], grey: true));

        byte Scaled(int value) => (byte)((value * 255L + max / 2) / max);

        byte[] Pnm(char kind, int[] numbers) =>
        [
            .. Header($"P{kind} # made here\n{width}\t{height} # size\n#\n{max}"),
            .. kind is '2' or '3' ? Encoding.ASCII.GetBytes(string.Join("\n", numbers))
                : max < 256 ? numbers.Select(number => (byte)number)
                : numbers.SelectMany(number => new[] { (byte)(number >> 8), (byte)number }),
        ];

        byte[] Header(string text) => Encoding.ASCII.GetBytes($"{text}\n");

        byte[] Read(byte[] file, bool grey)
        {
            Assert.Equal(new ImageHeader(height, width, grey), ImageDecoder.ReadHeader(file, "picture"));
            return ImageDecoder.ReadImage(file, "picture", new ImageSettings(height, width, Grey: grey))!;
        }
    }, iter: 300);

    [Theory]
    [InlineData(Compression.NONE, 1, 8)]
    [InlineData(Compression.LZW, 1, 16)]
    [InlineData(Compression.ADOBE_DEFLATE, 3, 8)]
    [InlineData(Compression.LZW, 3, 16)]
    [InlineData(Compression.PACKBITS, 3, 8)]
    public void A_TIFF_gives_the_values_of_its_first_page(Compression compression, int channels, int bits)
    {
        var random = new Random(1);
        int[] first = [.. Enumerable.Range(0, channels * 7 * 5).Select(_ => random.Next(1 << bits))];
        var file = SmallTiff.Encode(7, 5, channels, bits, compression, pages: [first, new int[first.Length]]);
        Assert.Equal(new ImageHeader(5, 7, channels == 1), ImageDecoder.ReadHeader(file, "picture"));
        var read = ImageDecoder.ReadImage(file, "picture", new ImageSettings(5, 7, Grey: channels == 1))!;
        byte[] expected = [.. first.Select(value => (byte)(value >> (bits - 8)))];
        Assert.All(
            expected.Zip(channels == 1 ? read : Interleave(read)), pair => Assert.InRange(pair.Second, pair.First - 1, pair.First + 1));
    }

    // Four quarters in stored order, and as they are seen; see the same test for EXIF.
    [Theory]
    [InlineData(Orientation.TOPLEFT, "RG/BW")]
    [InlineData(Orientation.TOPRIGHT, "GR/WB")]
    [InlineData(Orientation.BOTRIGHT, "WB/GR")]
    [InlineData(Orientation.BOTLEFT, "BW/RG")]
    [InlineData(Orientation.LEFTTOP, "RB/GW")]
    [InlineData(Orientation.RIGHTTOP, "BR/WG")]
    [InlineData(Orientation.RIGHTBOT, "WG/BR")]
    [InlineData(Orientation.LEFTBOT, "GW/RB")]
    public void A_TIFF_is_turned_upright(Orientation orientation, string expected)
    {
        int[] colours = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
        int[] stored = [.. from index in new[] { 0, 0, 1, 2, 2, 3 } from channel in colours.Skip(3 * index).Take(3) select channel];
        var file = SmallTiff.Encode(3, 2, 3, 8, orientation: orientation, pages: stored);
        var header = ImageDecoder.ReadHeader(file, "picture");
        Assert.Equal(orientation < Orientation.LEFTTOP ? (2, 3) : (3, 2), (header.Height, header.Width));
        using var bitmap = ImageDecoder.Decode(file, "picture");
        var (right, bottom) = (bitmap.Width - 1, bitmap.Height - 1);
        Assert.Equal(expected, $"{At(0, 0)}{At(right, 0)}/{At(0, bottom)}{At(right, bottom)}");

        char At(int x, int y) => bitmap.GetPixel(x, y) switch
        {
            { Red: 255, Green: 255, Blue: 255 } => 'W',
            { Red: 255, Green: 0, Blue: 0 } => 'R',
            { Red: 0, Green: 255, Blue: 0 } => 'G',
            { Red: 0, Green: 0, Blue: 255 } => 'B',
            _ => '?',
        };
    }

    [Fact]
    public void Image_bombs_and_truncated_files_fail()
    {
        var tiff = SmallTiff.Encode(20, 20, 3, 8, pages: [.. Enumerable.Range(0, 1200)]);
        byte[][] whole = [tiff, [.. "P6 20 20 255\n"u8, .. new byte[1200]], [.. "P2 3 2 9 1 2 3 4 5 6"u8]];
        foreach (var file in whole)
            for (var length = 3; length < file.Length - 1; length += 1 + length / 50)
                Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(file == tiff ? file[..(length / 2)] : file[..length], "cut"));
        string[] headers = ["P5 50000 50000 255\n", "P1 2147483647 2147483647\n", "P6 50000 1 255 ", "P2 0 1 9 ", "P5 1 1 70000 1"];
        foreach (var header in headers)
            Assert.Throws<InvalidDataException>(() => ImageDecoder.Decode(Encoding.ASCII.GetBytes(header), "bomb"));
    }

    // Satellite images have more bands than colours.
    [Fact]
    public void A_TIFF_of_13_bands_fails()
    {
        var file = SmallTiff.Encode(2, 2, 13, 16, pages: new int[2 * 2 * 13]);
        var error = Assert.Throws<InvalidDataException>(() => ImageDecoder.ReadHeader(file, "sentinel.tif"));
        Assert.Equal("sentinel.tif has 13 values per pixel: it must be a grey or a colour image.", error.Message);
    }

    // From (C, H, W) to (H, W, C).
    private static byte[] Interleave(byte[] planes) =>
    [
        .. from index in Enumerable.Range(0, planes.Length / 3)
           from channel in Enumerable.Range(0, 3)
           select planes[channel * planes.Length / 3 + index],
    ];
}
