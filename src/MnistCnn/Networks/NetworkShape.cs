namespace MnistCnn.Networks;

/// <summary>Size of a network's input images, in pixels, and number of its classes; each is at least 1.</summary>
internal sealed record NetworkShape(int Channels, int Height, int Width, int Classes)
{
    /// <summary>Maximum of <see cref="Parse"/> for channels, height and width.</summary>
    public const int LargestSide = 1 << 14;

    public static NetworkShape Mnist { get; } = new(1, 28, 28, 10);

    /// <summary>Channels, height and width, as in 1x28x28.</summary>
    public string Input => $"{Channels}x{Height}x{Width}";

    /// <summary>Parses the form of <see cref="Input"/>, with MNIST's number of classes; null if the text has another form.</summary>
    public static NetworkShape? Parse(string text)
    {
        var sides = text.Split('x')
            .Select(side => int.TryParse(side, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0).ToArray();
        return sides is [var channels, var height, var width] && sides.All(side => side is >= 1 and <= LargestSide)
            ? new NetworkShape(channels, height, width, Mnist.Classes)
            : null;
    }
}
