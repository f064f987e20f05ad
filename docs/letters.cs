// Draws the letters A to J in every font of this system, upright and tilted, as a folder of images: dotnet run docs/letters.cs letters
// A second argument, a folder of font files, replaces the fonts of this system. So notMNIST was made (Y. Bulatov, 2011).
#:package SkiaSharp@3.119.4
#:package SkiaSharp.NativeAssets.Linux.NoDependencies@3.119.4
#:property ManagePackageVersionsCentrally=false
#:property PublishAot=false

using SkiaSharp;

const string letters = "ABCDEFGHIJ";
const int side = 32;
const int variants = 20;

var folder = args is [var name, ..] ? name : "letters";
var random = new Random(1);
var fonts = 0;
foreach (var (font, typeface) in args is [_, var files] ? ReadTypefaces(files) : FindTypefaces())
{
    using var disposed = typeface;
    if (typeface is null || typeface.GetGlyphs(letters).Contains((ushort)0))
        continue; // symbols, or another script
    fonts++;
    foreach (var letter in letters)
        for (var variant = 0; variant < variants; variant++)
            Draw(typeface, letter, Path.Combine(folder, $"{letter}", $"{font}-{variant:00}.png"));
}

if (fonts == 0)
{
    Console.Error.WriteLine("error: This system has no font with these letters. Install one (Debian: apt-get install fonts-dejavu-core).");
    return 1;
}

Console.WriteLine($"{letters.Length * fonts * variants} images of {letters.Length} letters in {fonts} fonts are in {folder}.");
return 0;

IEnumerable<(string Name, SKTypeface? Typeface)> FindTypefaces()
{
    foreach (var family in SKFontManager.Default.FontFamilies.Order(StringComparer.Ordinal))
    {
        using var styles = SKFontManager.Default.GetFontStyles(family);
        for (var style = 0; style < styles.Count; style++)
            yield return ($"{family.Replace(' ', '-')}-{style}", styles.CreateTypeface(style));
    }
}

IEnumerable<(string Name, SKTypeface? Typeface)> ReadTypefaces(string files) =>
    from path in Directory.GetFiles(files).Order(StringComparer.Ordinal)
    select (Path.GetFileNameWithoutExtension(path), SKTypeface.FromFile(path));

void Draw(SKTypeface typeface, char letter, string path)
{
    using var bitmap = new SKBitmap(side, side, SKColorType.Gray8, SKAlphaType.Opaque);
    using var canvas = new SKCanvas(bitmap);
    using var font = new SKFont(typeface, 18 + 8 * random.NextSingle());
    using var paint = new SKPaint { Color = SKColors.Black, IsAntialias = true };
    canvas.Clear(SKColors.White);
    canvas.Translate(side / 2 + 6 * random.NextSingle() - 3, side / 2 + 6 * random.NextSingle() - 3);
    canvas.RotateDegrees(30 * random.NextSingle() - 15);
    font.MeasureText($"{letter}", out var box, paint);
    canvas.DrawText($"{letter}", -box.MidX, -box.MidY, font, paint);
    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
    using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
    File.WriteAllBytes(path, data.ToArray());
}
