using CsCheck;
using MnistCnn.Data;
using SkiaSharp;

namespace MnistCnn.Tests.Data;

public sealed class ImageDecoderTests
{
    // 16x16 pixels of pure red in CMYK, made by ImageMagick.
    private const string RedInCmyk =
        "/9j/7gAOQWRvYmUAZAAAAAAC/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCg"
        + "wJCgoK/9sAQwECAgICAgIFAwMFCgcGBwoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK/8AAFAgAEAAQ"
        + "BAERAAIRAQMRAQQRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAAICf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAWAQEBAQAAAAAAAAAAAAAAAAAACA"
        + "r/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADgQBAAIRAxEEAAA/ALMVYz/t/AAAAH//2Q==";

    private static readonly ImageSettings Colour = new(8, 8, ImageFit.Crop, Grey: false);

    // Two halves: red, then blue.
    private static SKColor Halves(int x, int width) => x < width / 2 ? SKColors.Red : SKColors.Blue;

    [Fact]
    public void An_image_of_the_right_size_keeps_its_pixels()
    {
        var random = new Random(1);
        var colours = Enumerable.Range(0, 64).Select(_ => new SKColor((uint)random.Next() | 0xff000000)).ToArray();
        var image = Read(SmallPictures.Encode(8, 8, (x, y) => colours[8 * y + x]), Colour);
        Assert.Equal([.. colours.Select(c => c.Red), .. colours.Select(c => c.Green), .. colours.Select(c => c.Blue)], image);
    }

    [Fact]
    public void Grey_is_the_luma_and_grey_images_keep_their_values()
    {
        var image = Read(SmallPictures.Encode(8, 8, (_, _) => new SKColor(200, 100, 50)), Colour with { Grey = true });
        Assert.All(image, grey => Assert.Equal((299 * 200 + 587 * 100 + 114 * 50 + 500) / 1000, grey));
        var file = SmallPictures.Encode(16, 16, (x, y) => SmallPictures.Grey((byte)(16 * y + x)), grey: true);
        var ramp = Read(file, new ImageSettings(16, 16, Grey: true));
        Assert.Equal([.. Enumerable.Range(0, 256).Select(value => (byte)value)], ramp);
    }

    [Theory]
    [InlineData(nameof(ImageFit.Crop))]
    [InlineData(nameof(ImageFit.Pad))]
    [InlineData(nameof(ImageFit.Stretch))]
    public void A_wide_image_is_cropped_padded_or_stretched(string name)
    {
        var fit = Enum.Parse<ImageFit>(name);

        // Green at both ends, red and blue in the middle: 32x16.
        var file = SmallPictures.Encode(32, 16, (x, _) => x is < 8 or >= 24 ? SKColors.Lime : Halves(x, 32));
        var pixel = Decode(file, (8, 8), fit);
        SKColor[] middle = [.. Enumerable.Range(0, 8).Select(x => pixel(x, 4))];
        SKColor[] expected = fit is ImageFit.Crop
            ? [SKColors.Red, SKColors.Blue]
            : [SKColors.Lime, SKColors.Red, SKColors.Blue, SKColors.Lime];
        Assert.Equal(expected, middle.Where((_, x) => x % (8 / expected.Length) == 0).Select(Saturated));
        Assert.Equal(fit is ImageFit.Pad, pixel(4, 0) == SKColors.White && pixel(4, 7) == SKColors.White);
        Assert.Equal(fit is ImageFit.Crop or ImageFit.Stretch, Saturated(pixel(2, 0)) == SKColors.Red);
    }

    private static Func<int, int, SKColor> Decode(byte[] file, (int Height, int Width) size, ImageFit fit)
    {
        var image = Read(file, new ImageSettings(size.Height, size.Width, fit, Grey: false));
        return (x, y) => new SKColor(Value(0, x, y), Value(1, x, y), Value(2, x, y));

        byte Value(int channel, int x, int y) => image[(channel * size.Height + y) * size.Width + x];
    }

    // Of a quarter in each colour, the image that is stored so comes out upright.
    [Theory]
    [InlineData(1, "RG/BW")]
    [InlineData(2, "GR/WB")]
    [InlineData(3, "WB/GR")]
    [InlineData(4, "BW/RG")]
    [InlineData(5, "RB/GW")]
    [InlineData(6, "BR/WG")]
    [InlineData(7, "WG/BR")]
    [InlineData(8, "GW/RB")]
    public void EXIF_orientation_is_respected(byte orientation, string expected)
    {
        var stored = SmallPictures.Encode(
            48, 32, (x, y) => (x < 24, y < 16) switch
            {
                (true, true) => SKColors.Red,
                (false, true) => SKColors.Lime,
                (true, false) => SKColors.Blue,
                _ => SKColors.White,
            }, SKEncodedImageFormat.Jpeg);
        var file = SmallPictures.WithOrientation(stored, orientation);
        var header = ImageDecoder.ReadHeader(file, "turned");
        Assert.Equal(orientation < 5 ? (32, 48) : (48, 32), (header.Height, header.Width));
        foreach (var (height, width) in new[] { (header.Height, header.Width), (12, 12) })
        {
            var pixel = Decode(file, (height, width), ImageFit.Stretch);
            var quarters = new[] { (X: 1, Y: 1), (X: 3, Y: 1), (X: 1, Y: 3), (X: 3, Y: 3) }
                .Select(at => Letter(pixel(at.X * width / 4, at.Y * height / 4))).ToArray();
            Assert.Equal(expected, $"{quarters[0]}{quarters[1]}/{quarters[2]}{quarters[3]}");
        }

        static char Letter(SKColor colour) => (colour.Red > 128, colour.Green > 128, colour.Blue > 128) switch
        {
            (true, false, false) => 'R',
            (false, true, false) => 'G',
            (false, false, true) => 'B',
            (true, true, true) => 'W',
            _ => '?',
        };
    }

    [Fact]
    public void Transparent_pixels_become_white_and_sixteen_bits_become_eight()
    {
        var file = SmallPictures.Encode(8, 8, (x, _) => SKColors.Black.WithAlpha((byte)(x < 4 ? 0 : 128)));
        var half = Read(file, Colour with { Grey = true });
        Assert.Equal(255, half[0]);
        Assert.InRange(half[7], 126, 128);
        var deep = Read(SmallPictures.Png16(8, 8, (x, _) => ((ushort)(x << 13), 0xffff, 0x80ff)), Colour);
        Assert.Equal([0, 32, 64, 96, 128, 160, 192, 224], deep[..8]);
        Assert.All(deep[64..128], green => Assert.Equal(255, green));
        Assert.All(deep[128..], blue => Assert.InRange(blue, 128, 129));
    }

    [Fact]
    public void A_CMYK_image_is_read_in_its_colours()
    {
        var image = Read(Convert.FromBase64String(RedInCmyk), Colour);
        Assert.All(image[..64], red => Assert.InRange(red, 240, 255));
        Assert.All(image[64..], other => Assert.InRange(other, 0, 40));
    }

    [Fact]
    public void An_image_bomb_fails_by_its_header()
    {
        var bomb = SmallPictures.Png(50_000, 50_000, 8, [0]);
        var error = Assert.Throws<InvalidDataException>(() => ImageDecoder.ReadHeader(bomb, "bomb.png"));
        Assert.Contains("bomb.png is too large: it has 50000x50000 pixels", error.Message);
    }

    // The last 20 bytes of a PNG are checksums and its end: all pixels are before them.
    [Fact]
    public void A_truncated_image_fails()
    {
        byte[][] files =
        [
            SmallPictures.Encode(20, 20, (x, y) => new SKColor((byte)(12 * x), (byte)(12 * y), 7)),
            SmallPictures.Encode(20, 20, (x, y) => new SKColor((byte)(12 * x), (byte)(12 * y), 7), SKEncodedImageFormat.Jpeg),
            SmallPictures.Encode(20, 20, (x, y) => new SKColor((byte)(12 * x), (byte)(12 * y), 7), SKEncodedImageFormat.Webp),
        ];
        foreach (var file in files)
            for (var length = 1; length < file.Length - 20; length += 1 + length / 50)
                Assert.Throws<InvalidDataException>(() => Read(file[..length], Colour));
    }

    [Fact]
    public void Damaged_images_fail_with_a_message_or_are_read()
    {
        byte[][] files =
        [
            SmallPictures.Encode(12, 12, (x, y) => new SKColor((byte)(20 * x), (byte)(20 * y), 7)),
            SmallPictures.WithOrientation(
                SmallPictures.Encode(12, 12, (x, y) => new SKColor((byte)(20 * x), (byte)(20 * y), 7), SKEncodedImageFormat.Jpeg), 6),
        ];
        Gen.Select(Gen.OneOf([.. files.Select(Gen.Const)]), Gen.Int[0, 100_000], Gen.Byte).Sample((file, at, value) =>
        {
            var damaged = file.ToArray();
            damaged[at % file.Length] = value;
            try
            {
                Assert.Equal(192, Read(damaged, Colour).Length);
            }
            catch (InvalidDataException error)
            {
                Assert.StartsWith("picture ", error.Message);
            }
        }, iter: 2000);
    }

    private static byte[] Read(byte[] contents, ImageSettings settings)
    {
        var image = new byte[(settings.Grey == true ? 1 : 3) * settings.Height!.Value * settings.Width!.Value];
        ImageDecoder.TryFit(contents, "picture", settings, image);
        return image;
    }

    // The nearest of the colours with channels of 0 and 255.
    private static SKColor Saturated(SKColor colour) =>
        new((byte)(colour.Red > 128 ? 255 : 0), (byte)(colour.Green > 128 ? 255 : 0), (byte)(colour.Blue > 128 ? 255 : 0));
}
