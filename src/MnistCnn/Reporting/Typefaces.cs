using System.Globalization;
using System.Text;
using SkiaSharp;

namespace MnistCnn.Reporting;

/// <summary>The fonts of this system, by what can be written in them: no font has every script.</summary>
internal static class Typefaces
{
    private static readonly SKTypeface Main = SKTypeface.FromFamilyName(Picture.Font);
    private static readonly Dictionary<Rune, SKTypeface?> Known = [];

    /// <summary>Whether there is a font for each of a text's characters.</summary>
    public static bool CanWrite(string text) => text.EnumerateRunes().All(rune => HasNoFontOfItsOwn(rune) || Of(rune) is not null);

    /// <summary>
    /// The parts of a text, each to be written in one direction and one font: <see cref="Picture.Font"/>, or where that lacks a
    /// character, one that has it.
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

    // On Linux, SkiaSharp without fontconfig matches no character, but knows the fonts.
    private static SKTypeface? Find(int character) =>
        SKFontManager.Default.MatchCharacter(character)
        ?? SKFontManager.Default.FontFamilies.Select(SKTypeface.FromFamilyName).FirstOrDefault(typeface => typeface.ContainsGlyph(character));
}
