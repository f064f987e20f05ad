using SkiaSharp;

namespace MnistCnn.Reporting;

/// <summary>Writes on a picture, in the font and the sizes of all of this program's.</summary>
/// <param name="canvas">The picture.</param>
internal sealed class TextPen(SKCanvas canvas) : IDisposable
{
    private const int TitleBaseline = 38;

    private readonly SKFont titleFont = new(SKTypeface.FromFamilyName(Picture.Font), 20) { Embolden = true };
    private readonly SKFont labelFont = new(SKTypeface.FromFamilyName(Picture.Font), 15);
    private readonly SKPaint ink = new() { Color = SKColors.Black, IsAntialias = true };

    /// <summary>Writes the line above, around a place from the left.</summary>
    public void Title(string text, float centre) => canvas.DrawText(text, centre, TitleBaseline, SKTextAlign.Center, titleFont, ink);

    /// <summary>Writes around a place from the left, on a line so far from the top.</summary>
    public void Label(string text, float centre, float baseline) => canvas.DrawText(text, centre, baseline, SKTextAlign.Center, labelFont, ink);

    /// <inheritdoc/>
    public void Dispose()
    {
        titleFont.Dispose();
        labelFont.Dispose();
        ink.Dispose();
    }
}
