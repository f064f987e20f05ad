namespace MnistCnn.Networks;

/// <summary>What goes into a network and how many classes come out of it.</summary>
/// <param name="Channels">Channels of an image, at least 1.</param>
/// <param name="Height">Pixels from top to bottom, at least 1.</param>
/// <param name="Width">Pixels from left to right, at least 1.</param>
/// <param name="Classes">Classes, at least 1.</param>
public sealed record NetworkShape(int Channels, int Height, int Width, int Classes)
{
    /// <summary>Grey images of 28x28 pixels in ten classes.</summary>
    public static NetworkShape Mnist { get; } = new(1, 28, 28, 10);
}
