using System.Text;
using CsCheck;
using MnistCnn.Data;
using SkiaSharp;

namespace MnistCnn.Tests.Data;

public sealed class DigitImageTests : IDisposable
{
    // One stroke for each digit, in a box of 100x100.
    internal static readonly string[] Strokes =
    [
        "M50 10 C20 10 20 90 50 90 C80 90 80 10 50 10 Z",
        "M35 25 L52 10 L48 90",
        "M25 30 C30 5 75 5 72 32 C70 50 40 70 25 88 L78 88",
        "M28 15 C60 0 80 35 48 47 C90 50 70 100 25 85",
        "M35 10 L28 55 L75 55 M62 35 L58 95",
        "M72 12 L35 12 L32 45 C75 35 80 90 28 88",
        "M65 8 C30 30 20 90 50 90 C80 90 75 50 50 50 C38 50 32 62 32 70",
        "M25 15 L75 15 L45 92",
        "M68 20 C50 0 20 25 45 45 C80 65 75 92 50 92 C22 92 25 65 52 45 C70 30 72 25 68 20",
        "M68 25 C40 0 20 45 42 50 C60 52 68 35 68 25 L62 92",
    ];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<int> Digits => [.. Enumerable.Range(0, 10)];

    [Theory]
    [MemberData(nameof(Digits))]
    public void A_digit_fits_the_box_around_the_centre_for_dark_and_for_light_ink(int digit)
    {
        using var picture = Draw(digit);
        var pixels = Pixels(picture);
        var (top, bottom, left, right) = Extent(pixels);
        Assert.InRange(Math.Max(bottom - top, right - left) + 1, 19, 21);
        var (y, x) = Centre(pixels);
        Assert.InRange(y, 13, 15);
        Assert.InRange(x, 13, 15);
        Assert.True(pixels.Max() > 240);
        Assert.All(pixels[..28], pixel => Assert.Equal(0, pixel));

        using var inverted = Draw(digit, paper: SKColors.Black, ink: SKColors.White);
        AssertAlike(pixels, Pixels(inverted), 1);
    }

    [Theory]
    [Trait("Speed", "Slow")]
    [MemberData(nameof(Digits))]
    public void Size_position_and_colour_make_no_difference(int digit)
    {
        using var picture = Draw(digit);
        var pixels = Pixels(picture);
        using var twice = Draw(digit, size: 400);
        using var aside = Draw(digit, left: 50, top: -30);
        using var coloured = Draw(digit, paper: SKColors.Khaki, ink: SKColors.DarkBlue);
        using var large = Draw(digit, size: 1000);
        AssertAlike(pixels, Pixels(twice), 4);
        AssertAlike(pixels, Pixels(aside), 1);
        AssertAlike(pixels, Pixels(coloured), 4);
        AssertAlike(pixels, Pixels(large), 4);
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Png, 100)]
    [InlineData(SKEncodedImageFormat.Jpeg, 90)]
    [InlineData(SKEncodedImageFormat.Jpeg, 30)]
    [InlineData(SKEncodedImageFormat.Webp, 100)]
    [InlineData(SKEncodedImageFormat.Webp, 50)]
    public void Formats_make_no_difference(SKEncodedImageFormat format, int quality)
    {
        using var picture = Draw(5);
        AssertAlike(Pixels(picture), Pixels(picture, format, quality), 6);
    }

    [Fact]
    public void A_BMP_is_read()
    {
        using var picture = Draw(2);
        AssertAlike(Pixels(picture), Read(Bmp(picture))!, 1);
    }

    // One pixel of GIF's smallest file there is: black, no ink on it.
    [Fact]
    public void A_GIF_is_read() =>
        Assert.Null(Read(Convert.FromBase64String("R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAkQBADs=")));

    [Fact]
    public void Transparent_pixels_are_white_paper()
    {
        using var opaque = Draw(3);
        using var transparent = Draw(3, paper: SKColors.Transparent);
        AssertAlike(Pixels(opaque), Pixels(transparent), 1);
    }

    // Canvases of dark pages export white strokes on a transparent background.
    [Fact]
    public void Ink_of_any_colour_is_read_on_a_transparent_background()
    {
        using var opaque = Draw(3);
        foreach (var colour in new[] { SKColors.White, SKColors.Yellow, SKColors.Navy, SKColors.White.WithAlpha(200) })
        {
            using var transparent = Draw(3, paper: SKColors.Transparent, ink: colour);
            AssertAlike(Pixels(opaque), Pixels(transparent), 1);
        }

        // The hole in a stencil is the digit.
        using var stencil = Draw(3, paper: SKColors.White, ink: SKColors.White);
        using var hole = Draw(3, paper: SKColors.Transparent);
        stencil.Pixels = [.. hole.Pixels.Select(pixel => SKColors.White.WithAlpha((byte)(255 - pixel.Alpha)))];
        AssertAlike(Pixels(opaque), Pixels(stencil), 1);
    }

    [Theory]
    [InlineData(0.25)]
    [InlineData(0.3)]
    [InlineData(1.0)]
    public void Digits_side_by_side_are_separated(double gap)
    {
        for (var hand = 0; hand < DrawnDigits.Hands; hand++)
            foreach (var number in new[] { "01", "23", "45", "67", "89", "107" })
            {
                var row = DigitImage.ReadAll(DrawnDigits.DrawNumber(hand, number, gap), "number")!;
                Assert.True(row.AreApart && row.Digits.Count == number.Length, $"{number} of hand {hand}: {row.Digits.Count}");
                Assert.Contains(row.Main, row.Digits);
            }
    }

    [Fact]
    public void A_single_digit_is_read_in_one_way()
    {
        using var picture = Draw(5);
        var row = DigitImage.ReadAll(Encode(picture), "digit")!;
        Assert.Equal(row.Main, Assert.Single(row.Digits));
        Assert.Equal(row.Main, Pixels(picture));
    }

    [Fact]
    public void A_photo_with_transparent_edges_keeps_its_colours()
    {
        using var photo = Draw(3, paper: SKColors.Khaki, ink: SKColors.DarkBlue);
        var expected = Pixels(photo);
        var middle = (photo.Width - 1) / 2f;
        photo.Pixels =
        [
            .. photo.Pixels.Select((pixel, at) =>
            {
                var edge = Math.Max(Math.Abs(at / photo.Width - middle), Math.Abs(at % photo.Width - middle));
                return pixel.WithAlpha((byte)Math.Clamp(16 * (middle - edge), 0, 255));
            }),
        ];
        AssertAlike(expected, Pixels(photo), 2);
    }

    [Theory]
    [InlineData(200, 20)]
    [InlineData(100, 50)]
    [InlineData(60, 180)]
    public void The_aspect_ratio_is_kept(int width, int height)
    {
        using var picture = Blank(300, 300, SKColors.White);
        using (var canvas = new SKCanvas(picture))
            canvas.DrawRect(50, 60, width, height, new SKPaint { Color = SKColors.Black });
        var (top, bottom, left, right) = Extent(Pixels(picture));
        Assert.InRange((right - left + 1) - 20.0 * width / Math.Max(width, height), -0.5, 2);
        Assert.InRange((bottom - top + 1) - 20.0 * height / Math.Max(width, height), -0.5, 2);
    }

    [Fact]
    public void Images_of_MNIST_stay_unchanged()
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1, testLimit: 500);
        var same = 0;
        for (var index = 0; index < 500; index++)
        {
            var expected = data.Test.Images[index].data<byte>().ToArray();
            using var picture = new SKBitmap(28, 28) { Pixels = [.. expected.Select(grey => new SKColor(grey, grey, grey))] };
            if (Difference(expected, Pixels(picture)) < 1)
                same++;
        }

        Assert.InRange(same, 490, 500);
    }

    [Fact]
    public void Uneven_light_noise_and_specks_are_ignored()
    {
        using var picture = Draw(4, size: 300);
        var expected = Pixels(picture);
        var random = new Random(1);
        var pixels = picture.Pixels;
        for (var at = 0; at < pixels.Length; at++)
        {
            var (y, x) = Math.DivRem(at, picture.Width);
            var paper = 230 - 100.0 * x / picture.Width - 40.0 * y / picture.Height;
            var ink = 1 - pixels[at].Red / 255.0;
            var noise = random.Next(-15, 16);
            var grey = random.Next(1000) == 0 ? 20 : paper * (1 - 0.8 * ink) + noise;
            pixels[at] = new SKColor((byte)grey, (byte)grey, (byte)grey);
        }

        picture.Pixels = pixels;
        AssertAlike(expected, Pixels(picture, SKEncodedImageFormat.Jpeg, 85), 10);
    }

    [Fact]
    public void A_hairline_is_thickened()
    {
        using var picture = Draw(7, size: 500, stroke: 1);
        var pixels = Pixels(picture);
        Assert.True(pixels.Max() > 200);
        Assert.InRange(pixels.Sum(pixel => pixel / 255.0), 25, 100);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(28, 28)]
    [InlineData(1000, 3)]
    public void A_blank_image_has_no_digit(int width, int height)
    {
        foreach (var colour in new[] { SKColors.White, SKColors.Black, SKColors.Khaki, SKColors.Transparent })
        {
            using var picture = Blank(width, height, colour);
            Assert.Null(Read(Encode(picture)));
        }
    }

    [Fact]
    public void Noise_is_no_digit()
    {
        var random = new Random(1);
        using var picture = new SKBitmap(200, 150);
        var greys = Enumerable.Range(0, 200 * 150).Select(_ => (byte)random.Next(190, 220));
        picture.Pixels = [.. greys.Select(grey => new SKColor(grey, grey, grey))];
        Assert.Null(Read(Encode(picture)));
    }

    // Each orientation names where the first row and the first column of the file belong in the image.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void The_orientation_of_a_photo_is_respected(int orientation)
    {
        using var upright = Draw(4);
        using var stored = new SKBitmap(upright.Width, upright.Height);
        var last = upright.Width - 1;
        for (var y = 0; y <= last; y++)
            for (var x = 0; x <= last; x++)
            {
                var (toX, toY) = orientation switch
                {
                    1 => (x, y),
                    2 => (last - x, y),
                    3 => (last - x, last - y),
                    4 => (x, last - y),
                    5 => (y, x),
                    6 => (last - y, x),
                    7 => (last - y, last - x),
                    _ => (y, last - x),
                };
                stored.SetPixel(x, y, upright.GetPixel(toX, toY));
            }

        var file = Encode(stored, SKEncodedImageFormat.Jpeg, 95);
        byte[] exif =
        [
            0xff, 0xe1, 0, 34, .. "Exif\0\0MM\0*\0\0\0\b\0\u0001\u0001\u0012\0\u0003\0\0\0\u0001\0"u8, (byte)orientation, 0, 0, 0, 0, 0, 0,
        ];
        AssertAlike(Pixels(upright), Read([.. file[..2], .. exif, .. file[2..]])!, 4);
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Png)]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    [InlineData(SKEncodedImageFormat.Webp)]
    public void Truncated_and_changed_files_fail_with_a_message_or_are_read(SKEncodedImageFormat format)
    {
        using var picture = Draw(8, size: 40);
        var file = Encode(picture, format, 90);
        for (var length = 0; length < file.Length; length += 1 + file.Length / 60)
            AssertRefusedOrRead(file[..length]);
        AssertRefused(file[..(file.Length / 2)]);

        Gen.Select(Gen.Int[0, file.Length - 1], Gen.Byte).Sample(
            (at, value) => AssertRefusedOrRead([.. file[..at], value, .. file[(at + 1)..]]), iter: 100, threads: 1);
    }

    [Fact]
    public void Random_bytes_fail_with_a_message() =>
        Gen.Byte.Array[0, 200].Sample(bytes => AssertRefused(bytes), iter: 200, threads: 1);

    [Fact]
    public void A_header_with_too_many_pixels_costs_no_memory()
    {
        using var picture = Draw(8);
        var file = Bmp(picture);
        BitConverter.GetBytes(30_000).CopyTo(file, 18);
        BitConverter.GetBytes(30_000).CopyTo(file, 22);
        var before = Environment.WorkingSet;
        Assert.Contains("30000x30000", AssertRefused(file));
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 50_000_000);
    }

    [Fact]
    public void A_missing_file_is_an_input_error() =>
        Assert.Throws<FileNotFoundException>(() => ImageDecoder.ReadAllBytes(folder["nowhere.png"]));

    private static SKBitmap Draw(
        int digit, int size = 200, float stroke = 10, float left = 0, float top = 0, SKColor? paper = null, SKColor? ink = null)
    {
        var picture = Blank(size * 3 / 2, size * 3 / 2, paper ?? SKColors.White);
        using var canvas = new SKCanvas(picture);
        using var path = SKPath.ParseSvgPathData(Strokes[digit]);
        using var paint = new SKPaint
        {
            Color = ink ?? SKColors.Black,
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeWidth = stroke,
            StrokeCap = SKStrokeCap.Round,
            StrokeJoin = SKStrokeJoin.Round,
        };
        canvas.Translate(left + size / 4f, top + size / 4f);
        canvas.Scale(size / 100f);
        canvas.DrawPath(path, paint);
        return picture;
    }

    private static SKBitmap Blank(int width, int height, SKColor paper)
    {
        var picture = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        picture.Erase(paper);
        return picture;
    }

    private static byte[] Encode(SKBitmap picture, SKEncodedImageFormat format = SKEncodedImageFormat.Png, int quality = 100)
    {
        using var data = picture.Encode(format, quality);
        return data.ToArray();
    }

    // A header of 54 bytes, then 32 bits a pixel, the bottom row first.
    private static byte[] Bmp(SKBitmap picture)
    {
        var file = new MemoryStream();
        using var writer = new BinaryWriter(file, Encoding.ASCII);
        writer.Write("BM"u8);
        var (width, height) = (picture.Width, picture.Height);
        foreach (var number in new[] { 54 + 4 * width * height, 0, 54, 40, width, height, 1 | 32 << 16, 0, 0, 0, 0, 0, 0 })
            writer.Write(number);
        foreach (var row in picture.Pixels.Chunk(picture.Width).Reverse())
            foreach (var pixel in row)
                writer.Write((uint)pixel);
        return file.ToArray();
    }

    private byte[] Pixels(SKBitmap picture, SKEncodedImageFormat format = SKEncodedImageFormat.Png, int quality = 100) =>
        Read(Encode(picture, format, quality))!;

    private byte[]? Read(byte[] file)
    {
        File.WriteAllBytes(folder["digit"], file);
        var image = DigitImage.Read(ImageDecoder.ReadAllBytes(folder["digit"]), folder["digit"]);
        Assert.True(image is null or { Length: 28 * 28 });
        return image;
    }

    private string AssertRefused(byte[] file)
    {
        var message = Assert.Throws<InvalidDataException>(() => Read(file)).Message;
        Assert.StartsWith(folder["digit"], message);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private void AssertRefusedOrRead(byte[] file)
    {
        try
        {
            Read(file);
        }
        catch (InvalidDataException error)
        {
            Assert.StartsWith(folder["digit"], error.Message);
        }
    }

    // The result is placed in whole pixels: a symmetric digit lies between two, and rounding decides between them.
    private static void AssertAlike(byte[] expected, byte[] actual, double difference)
    {
        int[] shifts = [0, 1, -1, 28, -28, 29, -29, 27, -27];
        Assert.InRange(shifts.Min(shift => Difference(expected, Shift(actual, shift))), 0, difference);
    }

    private static byte[] Shift(byte[] pixels, int by) => [.. pixels.Select((_, at) => pixels[(at + by + pixels.Length) % pixels.Length])];

    private static double Difference(byte[] one, byte[] other) => one.Zip(other, (a, b) => Math.Abs(a - b)).Average();

    private static (double Y, double X) Centre(byte[] pixels)
    {
        var mass = pixels.Sum(pixel => (double)pixel);
        return (
            pixels.Index().Sum(pixel => pixel.Index / 28 * (double)pixel.Item) / mass,
            pixels.Index().Sum(pixel => pixel.Index % 28 * (double)pixel.Item) / mass);
    }

    private static (int Top, int Bottom, int Left, int Right) Extent(byte[] pixels)
    {
        var places = pixels.Index().Where(pixel => pixel.Item > 20).Select(pixel => pixel.Index).ToArray();
        return (places.Min() / 28, places.Max() / 28, places.Min(at => at % 28), places.Max(at => at % 28));
    }
}
