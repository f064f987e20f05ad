using MnistCnn.Reporting.Plots;
using SkiaSharp;

namespace MnistCnn.Tests.Reporting;

public sealed class TextPainterTests
{
    // Names that DejaVu Sans cannot show and a font of this system can, with the Latin letters of a label.
    private static string[] ForeignNames { get; } =
    [
        .. from name in new[] { "猫", "가", "ก", "क", "अ" }
           where !Typefaces.Main.ContainsGlyphs(name)
           where SKFontManager.Default.FontFamilies.Any(family => Has(family, $"{name} actual (0.5 %)…"))
           select name,
    ];

    [Fact]
    public void Text_that_DejaVu_Sans_has_is_drawn_in_it_on_every_system()
    {
        Assert.Same(Typefaces.Main, Typefaces.Find("actual T-shirt/top, naïve, Ελλάδα, Россия, אב (97.5 %)"));
        Assert.Same(Typefaces.Main, Typefaces.Find(""));
    }

    [Fact]
    public void Text_that_DejaVu_Sans_lacks_is_drawn_in_a_system_font_as_a_whole()
    {
        Assert.SkipWhen(ForeignNames.Length == 0, "no system font has characters that DejaVu Sans lacks");
        foreach (var name in ForeignNames)
        {
            Assert.True(Typefaces.Find($"actual {name}")!.ContainsGlyphs($"actual {name}"), name);
            Assert.NotEqual(Ink("\U0010FFFD"), Ink(name)); // a character that no font has is drawn as an empty box
        }

        Assert.Equal(ForeignNames, TextPainter.Names(ForeignNames));
    }

    [Fact]
    public void A_class_name_that_no_font_can_show_is_replaced_by_its_number() =>
        Assert.Equal(["cat", "1", @"a\nb"], TextPainter.Names(["cat", "\U0010FFFD", "a\nb"]));

    [Fact]
    public void A_label_is_shortened_between_combined_characters()
    {
        using var canvas = new SKNoDrawCanvas(1, 1);
        using var painter = new TextPainter(canvas);
        Assert.Equal("name", painter.TruncateLabel("name", 100));
        var shortened = painter.TruncateLabel(string.Concat(Enumerable.Repeat("e\u0301", 50)), 100);
        Assert.InRange(painter.LabelWidth(shortened), 80, 100);
        Assert.EndsWith("e\u0301…", shortened);
        Assert.Equal("…", painter.TruncateLabel("name", 1));
    }

    private static bool Has(string family, string text)
    {
        using var typeface = SKTypeface.FromFamilyName(family);
        return typeface.ContainsGlyphs(text);
    }

    // Dark pixels of a label that is centred on 100.
    private static (int X, int Y)[] Ink(string text)
    {
        using var bitmap = new SKBitmap(200, 60);
        using (var canvas = new SKCanvas(bitmap))
        using (var painter = new TextPainter(canvas))
        {
            canvas.Clear(SKColors.White);
            painter.Label(text, 100, 40);
        }

        return
        [
            .. from x in Enumerable.Range(0, 200)
               from y in Enumerable.Range(0, 60)
               where bitmap.GetPixel(x, y).Red < 128
               select (x, y),
        ];
    }
}
