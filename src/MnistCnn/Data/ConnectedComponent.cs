namespace MnistCnn.Data;

/// <summary>Connected pixels of a <see cref="FloatImage"/> and their bounding box, whose last row and column are inclusive.</summary>
internal sealed class ConnectedComponent
{
    public int Number { get; init; }

    public int Top { get; private set; } = int.MaxValue;
    public int Bottom { get; private set; } = -1;
    public int Left { get; private set; } = int.MaxValue;
    public int Right { get; private set; } = -1;

    public int Height => Bottom - Top + 1;
    public int Width => Right - Left + 1;
    public int LongerSide => Math.Max(Height, Width);

    public int Area { get; private set; }
    public double SumOfSquares { get; private set; }

    public void Add(int y, int x, float value)
    {
        (Top, Bottom, Left, Right) = (Math.Min(Top, y), Math.Max(Bottom, y), Math.Min(Left, x), Math.Max(Right, x));
        Area++;
        SumOfSquares += (double)value * value;
    }

    /// <summary>Whether the bounding box has the other one inside.</summary>
    public bool Encloses(ConnectedComponent other) =>
        Left < other.Left && Right > other.Right && Top < other.Top && Bottom > other.Bottom;

    /// <summary>Distance of two bounding boxes in pixels; 0 if they touch.</summary>
    public int Gap(ConnectedComponent other) => Math.Max(
        0, Math.Max(Math.Max(other.Left - Right, Left - other.Right), Math.Max(other.Top - Bottom, Top - other.Bottom)) - 1);
}
