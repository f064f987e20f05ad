namespace MnistCnn.Data;

/// <summary>How a folder of images becomes a data set.</summary>
/// <param name="Height">Height in pixels; null, as is <paramref name="Width"/>, for the images' own size or a default.</param>
/// <param name="Grey">Whether images have one channel instead of three; null for one channel if all files are grey.</param>
/// <param name="TestShare">
/// Fraction of each class that becomes test images; null for <see cref="DefaultTestFraction"/>, or if the folder has its own test images.
/// </param>
/// <param name="SkipBroken">Whether files that cannot be read are skipped instead of an error.</param>
internal sealed record ImageSettings(
    [property: JsonRequired] int? Height = null,
    [property: JsonRequired] int? Width = null,
    [property: JsonRequired] ImageFit Fit = ImageFit.Crop,
    [property: JsonRequired] bool? Grey = null,
    [property: JsonRequired] double? TestShare = null,
    [property: JsonRequired] bool SkipBroken = false)
{
    public const int MaxSide = 1024;
    public const double DefaultTestFraction = 0.2;

    public static bool IsTestFraction(double value) => value is > 0 and < 1;

    /// <summary>Parses "64x48": height, then width. Returns null for other text and for sides outside 1 to <see cref="MaxSide"/>.</summary>
    public static (int Height, int Width)? ParseSize(string text)
    {
        int[] sides = [.. text.Split('x').Select(side => side.All(char.IsAsciiDigit) && int.TryParse(side, out var value) ? value : 0)];
        return sides is [>= 1 and <= MaxSide and var height, >= 1 and <= MaxSide and var width] ? (height, width) : null;
    }
}

/// <summary>How an image of any size is resized to the height and width of a data set.</summary>
internal enum ImageFit
{
    /// <summary>The largest part in the centre with the target's aspect ratio.</summary>
    Crop,

    /// <summary>The whole image, with white borders on two sides.</summary>
    Pad,

    /// <summary>The whole image, distorted to the target's aspect ratio.</summary>
    Stretch,

    /// <summary>The ink of the image, scaled and centred on black as in MNIST; see <see cref="DigitImage"/>.</summary>
    Ink,
}
