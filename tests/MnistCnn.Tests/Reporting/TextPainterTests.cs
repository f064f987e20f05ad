using MnistCnn.Reporting.Plots;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class TextPainterTests
{
    // Of characters that are often missing from a system's standard font, those that another font of this system has.
    private static string[] Foreign { get; } =
    [
        .. new[] { "猫", "가", "ก", "क", "𝒜", "अ" }.Where(text => !Typefaces.Main.ContainsGlyph(char.ConvertToUtf32(text, 0)) && SKFontManager.Default.FontFamilies.Any(family => Has(family, text))),
    ];

    [Fact]
    public void What_the_standard_font_lacks_is_written_in_one_that_has_it()
    {
        Assert.SkipWhen(Foreign.Length == 0, "one font has all that this system can write");
        foreach (var text in Foreign)
        {
            var parts = Typefaces.Parts($"a{text}b");
            Assert.Equal(["a", text, "b"], parts.Select(part => part.Text));
            Assert.Same(Typefaces.Main, parts[0].Typeface);
            Assert.True(parts[1].Typeface.ContainsGlyph(char.ConvertToUtf32(text, 0)), text);
            Assert.NotEqual(Ink("\U0010FFFD"), Ink(text)); // what no font has is an empty box
        }

        Assert.Equal(Foreign, TextPainter.Names(Foreign));
    }

    [Fact]
    public void A_name_that_no_font_has_is_replaced_by_its_number() =>
        Assert.Equal(["cat", "1", "a b"], TextPainter.Names(["cat", "\U0010FFFD", "a\nb"]));

    // A word of two letters, then a wider one, whose ink is heavier: it stands to the left.
    [Fact]
    public void Hebrew_is_written_from_the_right()
    {
        const string Yod = "\u05D9", Shin = "\u05E9";
        Assert.SkipUnless(Typefaces.CanWrite(Yod + Shin), "no font of this system has Hebrew");
        Assert.Equal(["found ", $"{Yod}{Shin} {Shin}", " (1 %), ", Shin], Typefaces.Parts($"found {Yod}{Shin} {Shin} (1 %), {Shin}").Select(part => part.Text));
        Assert.True(Middle(Yod + Yod + Shin) < Middle(Shin + Yod + Yod) - 1);
        Assert.True(Middle("..m") > Middle("m..") + 1);
    }

    [Fact]
    public void A_label_is_cut_to_its_room_between_characters()
    {
        using var canvas = new SKNoDrawCanvas(1, 1);
        using var pen = new TextPainter(canvas);
        Assert.Equal("name", pen.CutLabel("name", 100));
        var cut = pen.CutLabel(string.Concat(Enumerable.Repeat("e\u0301", 50)), 100);
        Assert.InRange(pen.LabelWidth(cut), 80, 100);
        Assert.EndsWith("e\u0301…", cut);
        Assert.Equal("…", pen.CutLabel("name", 1));
    }

    private static bool Has(string family, string text)
    {
        using var typeface = SKTypeface.FromFamilyName(family);
        return typeface.ContainsGlyph(char.ConvertToUtf32(text, 0));
    }

    // Where the ink of a label stands, on the whole; it is written around 100.
    private static double Middle(string text) => Ink(text).Average(place => place.X);

    private static (int X, int Y)[] Ink(string text)
    {
        using var bitmap = new SKBitmap(200, 60);
        using (var canvas = new SKCanvas(bitmap))
        using (var pen = new TextPainter(canvas))
        {
            canvas.Clear(SKColors.White);
            pen.Label(text, 100, 40);
        }

        return [.. Enumerable.Range(0, 200).SelectMany(x => Enumerable.Range(0, 60).Select(y => (x, y))).Where(place => bitmap.GetPixel(place.x, place.y).Red < 128)];
    }
}
