namespace MnistCnn.Data;

/// <summary>How a folder of images becomes a data set, see docs/reference/files.md. Null: a value that depends on the images.</summary>
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

    /// <summary>Number of channels of resolved settings.</summary>
    [JsonIgnore]
    public int Channels => Grey == true ? 1 : 3;

    public static bool IsTestFraction(double value) => value is > 0 and < 1;

    /// <summary>Parses "64x48": height, then width. Returns null for other text and for sides outside 1 to <see cref="MaxSide"/>.</summary>
    public static (int Height, int Width)? ParseSize(string text)
    {
        int[] sides = [.. text.Split('x').Select(side => side.All(char.IsAsciiDigit) && int.TryParse(side, out var value) ? value : 0)];
        return sides is [>= 1 and <= MaxSide and var height, >= 1 and <= MaxSide and var width] ? (height, width) : null;
    }
}

/// <summary>How an image of any size is resized to the height and width of a data set; see docs/reference/files.md.</summary>
internal enum ImageFit
{
    Crop,
    Pad,
    Stretch,
    Ink,
}
