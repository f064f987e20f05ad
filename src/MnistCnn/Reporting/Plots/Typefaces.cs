using System.Globalization;
using System.Text;
using ScottPlot;
using ScottPlot.FontResolvers;
using SkiaSharp;

namespace MnistCnn.Reporting.Plots;

/// <summary>The fonts of plots: DejaVu Sans, which comes with the program, and the system's fonts for characters that it lacks.</summary>
internal static class Typefaces
{
    private static readonly Lazy<SKTypeface> Bundled = new(LoadBundled);
    private static readonly Dictionary<Rune, SKTypeface?> Known = [];

    /// <summary>Typeface of all text for which a font is not chosen by character.</summary>
    /// <exception cref="InvalidDataException">The program's font file is missing or damaged.</exception>
    public static SKTypeface Main => Bundled.Value;

    /// <summary>Number of the system's font families; 0 in most containers.</summary>
    public static int SystemFamilies => SKFontManager.Default.FontFamilies.Count(family => family.Length > 0);

    /// <summary>Whether there is a font for each of a text's characters.</summary>
    public static bool CanWrite(string text) => text.EnumerateRunes().All(rune => HasNoFontOfItsOwn(rune) || Of(rune) is not null);

    /// <summary>
    /// The parts of a text, each to be written in one direction and one font: <see cref="Main"/>, or a font of the system for
    /// characters that it lacks.
    /// </summary>
    public static IReadOnlyList<(string Text, SKTypeface Typeface)> Parts(string text)
    {
        List<(string Text, SKTypeface Typeface, bool IsLeftward)> parts = [];
        Rune[] runes = [.. text.EnumerateRunes()];
        for (var place = 0; place < runes.Length; place++)
        {
            var rune = runes[place];
            var last = parts.Count > 0 ? parts[^1] : (Text: "", Typeface: Main, IsLeftward: false);
            var typeface = HasNoFontOfItsOwn(rune) ? last.Typeface : Of(rune) ?? Main;
            var isLeftward = HasNoFontOfItsOwn(rune) ? last.IsLeftward
                : Rune.IsLetterOrDigit(rune) ? IsLeftward(rune)
                : last.IsLeftward && IsLeftward(runes[place..].FirstOrDefault(Rune.IsLetterOrDigit));
            if (parts.Count > 0 && typeface == last.Typeface && isLeftward == last.IsLeftward)
                parts[^1] = last with { Text = last.Text + rune };
            else
                parts.Add(($"{rune}", typeface, isLeftward));
        }

        return [.. parts.Select(part => (part.Text, part.Typeface))];
    }

    // Hebrew, Arabic and their kin. What stands between two of their words is written as they are.
    private static bool IsLeftward(Rune rune) =>
        rune.Value is (>= 0x590 and < 0x900) or (>= 0xFB1D and < 0xFE00) or (>= 0xFE70 and < 0xFF00) or (>= 0x10800 and < 0x11000) or (>= 0x1E800 and < 0x1F000);

    // Accents, vowel signs and joiners belong to what they stand on.
    private static bool HasNoFontOfItsOwn(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format;

    private static SKTypeface? Of(Rune rune)
    {
        if (Main.ContainsGlyph(rune.Value))
            return Main;
        lock (Known)
        {
            // A font that is in use already comes first, so that a word is of one piece.
            if (!Known.TryGetValue(rune, out var typeface))
                Known.Add(rune, typeface = Known.Values.FirstOrDefault(known => known?.ContainsGlyph(rune.Value) == true) ?? Find(rune.Value));
            return typeface;
        }
    }

    private static SKTypeface LoadBundled()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "data", "fonts", "DejaVuSans.ttf");
        var typeface = SKTypeface.FromFile(path)
            ?? throw new InvalidDataException($"{path}, the font of all plots, is missing or damaged: install the program again.");
        // First in the list, so that a font of the same name on the system does not make plots look different.
        foreach (var weight in new[] { FontWeight.Normal, FontWeight.Bold })
            Fonts.FontResolvers.Insert(0, new FileFontResolver(typeface.FamilyName, path, weight, FontSlant.Upright, FontSpacing.Normal));
        return typeface;
    }

    // On Linux, SkiaSharp without fontconfig matches no character, but knows the fonts.
    private static SKTypeface? Find(int character) =>
        SKFontManager.Default.MatchCharacter(character)
        ?? SKFontManager.Default.FontFamilies.Select(SKTypeface.FromFamilyName).FirstOrDefault(typeface => typeface.ContainsGlyph(character));
}
