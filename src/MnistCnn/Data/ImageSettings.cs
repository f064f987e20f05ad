using System.Globalization;
using System.Text.Json.Serialization;

namespace MnistCnn.Data;

/// <summary>How a folder of pictures becomes a data set.</summary>
/// <param name="Height">Pixels of an image from top to bottom; null for what <see cref="ImageFolder"/> finds best.</param>
/// <param name="Width">Pixels of an image from left to right; null as <paramref name="Height"/> is.</param>
/// <param name="Fit">How a picture of another size becomes an image.</param>
/// <param name="Grey">Whether images have one channel instead of three; null for one where all pictures are grey.</param>
/// <param name="TestShare">The share of each class that is tested on, where the folder does not tell; null for <see cref="DefaultTestFraction"/>.</param>
/// <param name="SkipBroken">Whether pictures that cannot be read are passed over.</param>
internal sealed record ImageSettings(
    [property: JsonRequired] int? Height = null,
    [property: JsonRequired] int? Width = null,
    [property: JsonRequired] ImageFit Fit = ImageFit.Crop,
    [property: JsonRequired] bool? Grey = null,
    [property: JsonRequired] double? TestShare = null,
    [property: JsonRequired] bool SkipBroken = false)
{
    /// <summary>The most pixels that an image may have from top to bottom, and from left to right.</summary>
    public const int LargestSide = 1024;

    /// <summary>The share that is tested on where nothing else is said.</summary>
    public const double DefaultTestFraction = 0.2;

    /// <summary>Whether it is a share of pictures that leaves some on both sides.</summary>
    public static bool IsTestShare(double share) => share is > 0 and < 1;

    /// <summary>Reads a size as in 64x48: height, then width. Null where it is not that, or too large.</summary>
    public static (int Height, int Width)? ParseSize(string text)
    {
        var sides = text.Split('x')
            .Select(side => int.TryParse(side, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0).ToArray();
        return sides is [var height, var width] && sides.All(side => side is >= 1 and <= LargestSide) ? (height, width) : null;
    }
}
