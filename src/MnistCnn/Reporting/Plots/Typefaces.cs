using ScottPlot;
using ScottPlot.FontResolvers;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

/// <summary>Fonts of plots: DejaVu Sans, which comes with the program, and system fonts for text that it cannot show.</summary>
internal static class Typefaces
{
    private static readonly Lazy<SKTypeface> Bundled = new(LoadBundled);

    private static readonly Lazy<SKTypeface[]> SystemTypefaces = new(
        () => [.. SKFontManager.Default.FontFamilies.Where(family => family.Length > 0).Select(SKTypeface.FromFamilyName)]);

    private static readonly ConcurrentDictionary<string, SKTypeface?> Found = new();

    public static SKTypeface Main => Bundled.Value;

    /// <summary>Number of the system's font families; 0 in most containers.</summary>
    public static int SystemFamilies => SystemTypefaces.Value.Length;

    /// <summary>Returns DejaVu Sans if it has every character of the text, otherwise a system font that has, or null.</summary>
    public static SKTypeface? Find(string text) =>
        text.Length == 0 || Main.ContainsGlyphs(text) ? Main : Found.GetOrAdd(text, FindInSystem);

    private static SKTypeface LoadBundled()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "data", "fonts", "DejaVuSans.ttf");
        var typeface = SKTypeface.FromFile(path)
            ?? throw new InvalidDataException($"{path}, the font of all plots, is missing or damaged: install the program again.");
        // First in the list, so that a system font of the same name does not change plots.
        foreach (var weight in new[] { FontWeight.Normal, FontWeight.Bold })
            Fonts.FontResolvers.Insert(0, new FileFontResolver(typeface.FamilyName, path, weight, FontSlant.Upright, FontSpacing.Normal));
        return typeface;
    }

    private static SKTypeface? FindInSystem(string text)
    {
        // The system's own choice comes first. On Linux, SkiaSharp without fontconfig makes none, but lists the fonts.
        var missing = text.EnumerateRunes().First(rune => !Main.ContainsGlyph(rune.Value));
        return SystemTypefaces.Value.Prepend(SKFontManager.Default.MatchCharacter(missing.Value))
            .FirstOrDefault(typeface => typeface?.ContainsGlyphs(text) == true);
    }
}
