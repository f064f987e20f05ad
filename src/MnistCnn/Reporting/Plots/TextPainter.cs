using System.Globalization;
using SkiaSharp;
using SkiaSharp.HarfBuzz;

namespace MnistCnn.Reporting.Plots;

/// <summary>Writes on a picture, in any script, in the font and the sizes of all of this program's.</summary>
/// <param name="canvas">The picture.</param>
internal sealed class TextPainter(SKCanvas canvas) : IDisposable
{
    /// <summary>From a label's baseline to that of the next one below.</summary>
    public const int LineHeight = 18;

    /// <summary>From the middle of a letter to its baseline, in sizes of it.</summary>
    public const float MiddleToBaseline = 0.36f;

    private const int TitleBaseline = 38;

    // A space between which and its neighbours no line is broken.
    private const string Unbroken = "\u00A0%";

    private static readonly TextStyle TitleLetters = new(20, IsBold: true);
    private static readonly TextStyle LabelLetters = new(15);

    private readonly Dictionary<(SKTypeface Typeface, TextStyle Letters), (SKFont Font, SKShaper Shaper)> fonts = [];
    private readonly SKPaint ink = new() { Color = SKColors.Black, IsAntialias = true };

    /// <summary>What the classes are called in a picture: by their number where the system has no font for the name.</summary>
    public static IReadOnlyList<string> Names(IReadOnlyList<string> classNames) =>
        [.. classNames.Select((name, number) => Typefaces.CanWrite(ClassText.Line(name)) ? ClassText.Line(name) : number.ToString(CultureInfo.InvariantCulture))];

    /// <summary>Writes the line above, around a place from the left.</summary>
    public void Title(string text, float centre) => Write(text, TitleLetters, centre - Width(text, TitleLetters) / 2, TitleBaseline);

    /// <summary>Writes around a place from the left, on a line so far from the top.</summary>
    public void Label(string text, float centre, float baseline) => Write(text, LabelLetters, centre - LabelWidth(text) / 2, baseline);

    /// <summary>Writes what ends at a place from the left and stands in the middle of one from the top.</summary>
    public void LabelLeftOf(string text, float right, float middle) => Write(text, LabelLetters, right - LabelWidth(text), middle + LabelLetters.Size * MiddleToBaseline);

    /// <summary>Writes upwards what ends at a place from the top and stands in the middle of one from the left.</summary>
    public void LabelBelow(string text, float top, float middle)
    {
        canvas.Save();
        canvas.RotateDegrees(-90);
        LabelLeftOf(text, -top, middle);
        canvas.Restore();
    }

    /// <summary>How wide a label is, in pixels.</summary>
    public float LabelWidth(string text) => Width(text, LabelLetters);

    /// <summary>A label, its end left out where it would be wider than so many pixels.</summary>
    public string CutLabel(string text, float width)
    {
        if (LabelWidth(text) <= width)
            return text;
        var characters = StringInfo.ParseCombiningCharacters(text);
        return text[..characters.LastOrDefault(end => LabelWidth(text[..end] + ClassText.Ellipsis) <= width)] + ClassText.Ellipsis;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (font, shaper) in fonts.Values)
        {
            font.Dispose();
            shaper.Dispose();
        }

        ink.Dispose();
    }

    /// <summary>How wide a text is in some letters, in pixels.</summary>
    public float Width(string text, TextStyle letters) => Typefaces.Parts(text).Sum(part => Width(part.Text, Font(part.Typeface, letters)));

    /// <summary>A text in lines of at most so many pixels, broken between words, but not before "%"; a word that is longer has a line of its own.</summary>
    public IReadOnlyList<string> Lines(string text, TextStyle letters, float width)
    {
        List<string> lines = [];
        foreach (var word in text.Replace(" %", Unbroken, StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            if (lines.Count > 0 && $"{lines[^1]} {word}" is var longer && Width(longer, letters) <= width)
                lines[^1] = longer;
            else
                lines.Add(word);
        return [.. lines.Select(line => line.Replace(Unbroken, " %", StringComparison.Ordinal))];
    }

    /// <summary>Writes in some letters what begins at a place from the left, on a line so far from the top.</summary>
    public void Write(string text, TextStyle letters, float left, float baseline)
    {
        ink.Color = letters.IsGrey ? new SKColor(0x59, 0x59, 0x59) : SKColors.Black;
        foreach (var part in Typefaces.Parts(text))
        {
            var (font, shaper) = Font(part.Typeface, letters);
            canvas.DrawShapedText(shaper, part.Text, left, baseline, SKTextAlign.Left, font, ink);
            left += Width(part.Text, (font, shaper));
        }
    }

    private static float Width(string text, (SKFont Font, SKShaper Shaper) writing) => writing.Shaper.Shape(text, writing.Font).Width;

    private (SKFont Font, SKShaper Shaper) Font(SKTypeface typeface, TextStyle letters)
    {
        if (!fonts.TryGetValue((typeface, letters), out var font))
            fonts.Add((typeface, letters), font = Make(typeface, letters));
        return font;

        static (SKFont Font, SKShaper Shaper) Make(SKTypeface face, TextStyle letters) =>
            (new SKFont(face, letters.Size) { Embolden = letters.IsBold && !face.IsBold }, new SKShaper(face));
    }
}

/// <summary>What a text is written in.</summary>
/// <param name="Size">Its size, in pixels.</param>
/// <param name="IsBold">Whether it is bold.</param>
/// <param name="IsGrey">Whether it is grey instead of black.</param>
internal readonly record struct TextStyle(int Size, bool IsBold = false, bool IsGrey = false);
