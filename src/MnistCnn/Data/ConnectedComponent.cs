namespace MnistCnn.Data;

/// <summary>A connected part of a plane and the box around it, in pixels; the box has its last row and column in it.</summary>
internal sealed class ConnectedComponent
{
    public int Number { get; init; }

    public int Top { get; private set; } = int.MaxValue;

    public int Bottom { get; private set; } = -1;

    public int Left { get; private set; } = int.MaxValue;

    public int Right { get; private set; } = -1;

    public int Area { get; private set; }

    /// <summary>The sum of its squared values.</summary>
    public double Power { get; private set; }

    public int Height => Bottom - Top + 1;

    public int Width => Right - Left + 1;

    public int Longer => Math.Max(Height, Width);

    public void Add(int y, int x, float value)
    {
        (Top, Bottom, Left, Right) = (Math.Min(Top, y), Math.Max(Bottom, y), Math.Min(Left, x), Math.Max(Right, x));
        Area++;
        Power += (double)value * value;
    }

    /// <summary>Whether its box has the other's inside.</summary>
    public bool IsAround(ConnectedComponent other) => Left < other.Left && Right > other.Right && Top < other.Top && Bottom > other.Bottom;

    /// <summary>How far two boxes are apart, in pixels; 0 where they touch.</summary>
    public int Gap(ConnectedComponent other) => Math.Max(
        0, Math.Max(Math.Max(other.Left - Right, Left - other.Right), Math.Max(other.Top - Bottom, Top - other.Bottom)) - 1);
}
