using System.Globalization;

namespace MnistCnn.Networks;

/// <summary>What goes into a network and how many classes come out of it.</summary>
/// <param name="Channels">Channels of an image, at least 1.</param>
/// <param name="Height">Pixels from top to bottom, at least 1.</param>
/// <param name="Width">Pixels from left to right, at least 1.</param>
/// <param name="Classes">Classes, at least 1.</param>
internal sealed record NetworkShape(int Channels, int Height, int Width, int Classes)
{
    /// <summary>The most that <see cref="Parse"/> takes for channels, height and width.</summary>
    public const int LargestSide = 1 << 14;

    /// <summary>Grey images of 28x28 pixels in ten classes.</summary>
    public static NetworkShape Mnist { get; } = new(1, 28, 28, 10);

    /// <summary>Channels, height and width as in 1x28x28.</summary>
    public string Input => $"{Channels}x{Height}x{Width}";

    /// <summary>Reads what <see cref="Input"/> gives; the classes are MNIST's. Null where it is not that.</summary>
    public static NetworkShape? Parse(string text)
    {
        var sides = text.Split('x')
            .Select(side => int.TryParse(side, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0).ToArray();
        return sides is [var channels, var height, var width] && sides.All(side => side is >= 1 and <= LargestSide)
            ? new NetworkShape(channels, height, width, Mnist.Classes)
            : null;
    }
}
