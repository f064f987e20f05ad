using MnistCnn.Runtime;
using SkiaSharp;
using SkiaSharp.HarfBuzz;

namespace MnistCnn.Reporting.Plots;

/// <summary>Draws text on a plot, each text in one font of <see cref="Typefaces"/>. Sizes and positions are in pixels.</summary>
internal sealed class TextPainter(SKCanvas canvas) : IDisposable
{
    public const int LineHeight = 18;

    /// <summary>Distance from the middle of a letter to its baseline, as a fraction of its size.</summary>
    public const float MiddleToBaseline = 0.36f;

    private const int TitleBaseline = 38;

    private const string NonBreakingPercent = "\u00A0%";

    // Characters that plots add to a class name. The font of the name must have them, because a label has one font.
    private const string LabelCharacters = "actual predicted 0123456789(.%)…";

    private static readonly TextStyle TitleStyle = new(20, IsBold: true);
    private static readonly TextStyle LabelStyle = new(15);

    private readonly Dictionary<(SKTypeface Typeface, TextStyle Style), (SKFont Font, SKShaper Shaper)> fonts = [];
    private readonly SKPaint paint = new() { IsAntialias = true };

    /// <summary>Class names as plots show them: a name that no font can show becomes the class's number.</summary>
    public static IReadOnlyList<string> Names(IReadOnlyList<string> classNames) =>
    [
        .. classNames.Select(PrintableText.Escape).Select((name, number) =>
            Typefaces.Find(name + LabelCharacters) is null ? number.ToString(CultureInfo.InvariantCulture) : name),
    ];

    public void Title(string text, float centre) => Draw(text, TitleStyle, centre - Width(text, TitleStyle) / 2, TitleBaseline);

    public void Label(string text, float centre, float baseline) => Draw(text, LabelStyle, centre - LabelWidth(text) / 2, baseline);

    /// <summary>Draws a label that ends at <paramref name="right"/>, vertically centred on <paramref name="middle"/>.</summary>
    public void LabelLeftOf(string text, float right, float middle) =>
        Draw(text, LabelStyle, right - LabelWidth(text), middle + LabelStyle.Size * MiddleToBaseline);

    /// <summary>Draws a label that reads upwards, ends at <paramref name="top"/> and is centred on <paramref name="middle"/>.</summary>
    public void LabelBelow(string text, float top, float middle)
    {
        canvas.Save();
        canvas.RotateDegrees(-90);
        LabelLeftOf(text, -top, middle);
        canvas.Restore();
    }

    public float LabelWidth(string text) => Width(text, LabelStyle);

    public string TruncateLabel(string text, float width) => ClassName.Truncate(text, shortened => LabelWidth(shortened) <= width);

    public float Width(string text, TextStyle style)
    {
        text = PrintableText.Escape(text);
        var (font, shaper) = FontOf(text, style);
        return shaper.Shape(text, font).Width;
    }

    /// <summary>Breaks a text between words, but not before "%". A word wider than <paramref name="width"/> has its own line.</summary>
    public IReadOnlyList<string> Wrap(string text, TextStyle style, float width)
    {
        List<string> lines = [];
        foreach (var word in text.Replace(" %", NonBreakingPercent).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            if (lines.Count > 0 && $"{lines[^1]} {word}" is var longer && Width(longer, style) <= width)
                lines[^1] = longer;
            else
                lines.Add(word);
        return [.. lines.Select(line => line.Replace(NonBreakingPercent, " %"))];
    }

    public void Draw(string text, TextStyle style, float left, float baseline)
    {
        text = PrintableText.Escape(text);
        paint.Color = style.IsGrey ? new SKColor(0x59, 0x59, 0x59) : SKColors.Black;
        var (font, shaper) = FontOf(text, style);
        canvas.DrawShapedText(shaper, text, left, baseline, SKTextAlign.Left, font, paint);
    }

    public void Dispose()
    {
        foreach (var (font, shaper) in fonts.Values)
        {
            font.Dispose();
            shaper.Dispose();
        }

        paint.Dispose();
    }

    private (SKFont Font, SKShaper Shaper) FontOf(string text, TextStyle style)
    {
        var typeface = Typefaces.Find(text) ?? Typefaces.Main;
        if (!fonts.TryGetValue((typeface, style), out var font))
        {
            font = (new SKFont(typeface, style.Size) { Embolden = style.IsBold && !typeface.IsBold }, new SKShaper(typeface));
            fonts.Add((typeface, style), font);
        }

        return font;
    }
}

/// <summary>Font size in pixels, weight and colour of a text.</summary>
internal readonly record struct TextStyle(int Size, bool IsBold = false, bool IsGrey = false);
