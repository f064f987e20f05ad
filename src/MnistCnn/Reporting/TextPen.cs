using System.Globalization;
using SkiaSharp;
using SkiaSharp.HarfBuzz;

namespace MnistCnn.Reporting;

/// <summary>Writes on a picture, in any script, in the font and the sizes of all of this program's.</summary>
/// <param name="canvas">The picture.</param>
internal sealed class TextPen(SKCanvas canvas) : IDisposable
{
    /// <summary>From a label's baseline to that of the next one below.</summary>
    public const int LineHeight = 18;

    private const int TitleBaseline = 38;
    private const int TitleSize = 20;
    private const int LabelSize = 15;

    private readonly Dictionary<(SKTypeface Typeface, int Size), (SKFont Font, SKShaper Shaper)> fonts = [];
    private readonly SKPaint ink = new() { Color = SKColors.Black, IsAntialias = true };

    /// <summary>What the classes are called in a picture: by their number where the system has no font for the name.</summary>
    public static IReadOnlyList<string> Names(IReadOnlyList<string> classNames) =>
        [.. classNames.Select((name, number) => Typefaces.CanWrite(ClassText.Line(name)) ? ClassText.Line(name) : number.ToString(CultureInfo.InvariantCulture))];

    /// <summary>Writes the line above, around a place from the left.</summary>
    public void Title(string text, float centre) => Write(text, TitleSize, centre - Width(text, TitleSize) / 2, TitleBaseline);

    /// <summary>Writes around a place from the left, on a line so far from the top.</summary>
    public void Label(string text, float centre, float baseline) => Write(text, LabelSize, centre - LabelWidth(text) / 2, baseline);

    /// <summary>Writes what ends at a place from the left and stands in the middle of one from the top.</summary>
    public void LabelLeftOf(string text, float right, float middle) => Write(text, LabelSize, right - LabelWidth(text), middle + LabelSize * 0.36f);

    /// <summary>Writes upwards what ends at a place from the top and stands in the middle of one from the left.</summary>
    public void LabelBelow(string text, float top, float middle)
    {
        canvas.Save();
        canvas.RotateDegrees(-90);
        LabelLeftOf(text, -top, middle);
        canvas.Restore();
    }

    /// <summary>How wide a label is, in pixels.</summary>
    public float LabelWidth(string text) => Width(text, LabelSize);

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

    private float Width(string text, int size) => Typefaces.Parts(text).Sum(part => Width(part.Text, Font(part.Typeface, size)));

    private void Write(string text, int size, float left, float baseline)
    {
        foreach (var part in Typefaces.Parts(text))
        {
            var (font, shaper) = Font(part.Typeface, size);
            canvas.DrawShapedText(shaper, part.Text, left, baseline, SKTextAlign.Left, font, ink);
            left += Width(part.Text, (font, shaper));
        }
    }

    private static float Width(string text, (SKFont Font, SKShaper Shaper) writing) => writing.Shaper.Shape(text, writing.Font).Width;

    private (SKFont Font, SKShaper Shaper) Font(SKTypeface typeface, int size)
    {
        if (!fonts.TryGetValue((typeface, size), out var font))
            fonts.Add((typeface, size), font = (new SKFont(typeface, size) { Embolden = size == TitleSize }, new SKShaper(typeface)));
        return font;
    }
}
