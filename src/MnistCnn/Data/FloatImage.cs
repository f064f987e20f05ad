namespace MnistCnn.Data;

/// <summary>One float per pixel, row by row.</summary>
internal sealed class FloatImage(int height, int width)
{
    /// <summary>Resolution of <see cref="FillHoles"/>.</summary>
    public const float Step = 1f / (Levels - 1);

    private const int Levels = 1024;

    public int Height => height;
    public int Width => width;
    public int LongerSide => Math.Max(height, width);

    public float[] Values { get; } = new float[height * width];

    public ref float this[int y, int x] => ref Values[y * width + x];

    /// <summary>Returns the value below which a fraction of all values lies.</summary>
    public static float Quantile(IEnumerable<float> values, double fraction)
    {
        var sorted = values.ToArray();
        Array.Sort(sorted);
        return sorted[(int)(fraction * (sorted.Length - 1))];
    }

    /// <summary>Creates an image of the same size from each value, its row and its column.</summary>
    public FloatImage Map(Func<float, int, int, float> map)
    {
        var result = new FloatImage(height, width);
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                result[y, x] = map(this[y, x], y, x);
        return result;
    }

    /// <summary>Maximum of a square around each pixel.</summary>
    public FloatImage Dilate(int radius) => AlongBothAxes(radius, Math.Max, (largest, _) => largest);

    /// <summary>Minimum of a square around each pixel.</summary>
    public FloatImage Erode(int radius) => Map((value, _, _) => -value).Dilate(radius).Map((value, _, _) => -value);

    /// <summary>Mean of a square around each pixel, as far as it lies within the image.</summary>
    public FloatImage BoxBlur(int radius) => AlongBothAxes(radius, (sum, value) => sum + value, (sum, count) => sum / count);

    public FloatImage Pad(int margin)
    {
        var padded = new FloatImage(height + 2 * margin, width + 2 * margin);
        for (var y = 0; y < height; y++)
            Values.AsSpan(y * width, width).CopyTo(padded.Values.AsSpan((y + margin) * padded.Width + margin));
        return padded;
    }

    public FloatImage Crop(ConnectedComponent box) =>
        new FloatImage(box.Height, box.Width).Map((_, y, x) => this[box.Top + y, box.Left + x]);

    /// <summary>Crops the bounding box of all values above 0, and adds a border of zeros of one pixel.</summary>
    public FloatImage Trim()
    {
        var box = new ConnectedComponent();
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                if (this[y, x] > 0)
                    box.Add(y, x, 0);
        return Crop(box).Pad(1);
    }

    /// <summary>
    /// Scales around the top left corner, shifts and crops: each pixel is the mean of the area that it covers, or interpolated linearly if
    /// the image is enlarged. Outside, the nearest pixel is repeated.
    /// </summary>
    public FloatImage Resize(int newHeight, int newWidth, double scale, double top = 0, double left = 0)
    {
        return Along(Along(this, newHeight, top), newWidth, left);

        // Resizes the columns and transposes the image.
        FloatImage Along(FloatImage source, int length, double start)
        {
            var reach = Math.Max(1, 1 / scale) / 2 + 0.5;
            var taps = Enumerable.Range(0, length).Select(at =>
            {
                var position = (at + 0.5 - start) / scale - 0.5;
                var first = (int)Math.Ceiling(position - reach);
                var weights = Enumerable.Range(first, (int)Math.Floor(position + reach) - first + 1)
                    .Select(from => Math.Clamp(reach - Math.Abs(position - from), 0, 1)).ToArray();
                return (First: first, Weights: Array.ConvertAll(weights, weight => (float)(weight / weights.Sum())));
            }).ToArray();
            return new FloatImage(source.Width, length).Map((_, y, x) =>
            {
                var (first, weights) = taps[x];
                var sum = 0f;
                for (var i = 0; i < weights.Length; i++)
                    sum += weights[i] * source[Math.Clamp(first + i, 0, source.Height - 1), y];
                return sum;
            });
        }
    }

    /// <summary>
    /// Fills every hole up to its brim, like water that runs off over the border: a pixel becomes the lowest height that a path from the
    /// border to it must climb. Source: P. Soille and M. Ansoult, 1990, doi:10.1016/0165-1684(90)90131-F.
    /// </summary>
    /// <param name="border">Heights of the border; only its border pixels are used.</param>
    /// <returns>Values from 0 to 1, in multiples of <see cref="Step"/>.</returns>
    public FloatImage FillHoles(FloatImage border)
    {
        var levels = Array.ConvertAll(Values, ToLevel);
        var filled = new int[Values.Length];
        Array.Fill(filled, -1);
        Stack<int>[] queues = [.. Enumerable.Range(0, Levels).Select(_ => new Stack<int>())];
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x += y == 0 || y == height - 1 ? 1 : Math.Max(1, width - 1))
                Reach(y * width + x, ToLevel(border[y, x]));

        for (var level = 0; level < Levels; level++)
            while (queues[level].TryPop(out var at))
            {
                var (y, x) = Math.DivRem(at, width);
                for (var nextY = Math.Max(0, y - 1); nextY <= Math.Min(height - 1, y + 1); nextY++)
                    for (var nextX = Math.Max(0, x - 1); nextX <= Math.Min(width - 1, x + 1); nextX++)
                        Reach(nextY * width + nextX, level);
            }

        return Map((_, y, x) => filled[y * width + x] * Step);

        void Reach(int at, int level)
        {
            if (filled[at] >= 0)
                return;
            filled[at] = Math.Max(level, levels[at]);
            queues[filled[at]].Push(at);
        }

        static int ToLevel(float value) => (int)(Math.Clamp(value, 0, 1) * (Levels - 1) + 0.5f);
    }

    /// <summary>Finds the 8-connected components of all pixels above a threshold.</summary>
    /// <param name="numbers">Receives the number of each pixel's component, from 1; 0 for none.</param>
    public ConnectedComponent[] FindComponents(float threshold, out FloatImage numbers)
    {
        var components = new List<ConnectedComponent>();
        var taken = numbers = new FloatImage(height, width);
        var open = new Stack<(int Y, int X)>();
        for (var startY = 0; startY < height; startY++)
            for (var startX = 0; startX < width; startX++)
            {
                if (!Take(startY, startX, components.Count + 1))
                    continue;
                var component = new ConnectedComponent { Number = components.Count + 1 };
                components.Add(component);
                while (open.TryPop(out var at))
                {
                    component.Add(at.Y, at.X, this[at.Y, at.X]);
                    for (var y = Math.Max(0, at.Y - 1); y <= Math.Min(height - 1, at.Y + 1); y++)
                        for (var x = Math.Max(0, at.X - 1); x <= Math.Min(width - 1, at.X + 1); x++)
                            Take(y, x, component.Number);
                }
            }

        return [.. components];

        bool Take(int y, int x, int number)
        {
            if (this[y, x] <= threshold || taken[y, x] > 0)
                return false;
            taken[y, x] = number;
            open.Push((y, x));
            return true;
        }
    }

    // Accumulates the row, then the column around each pixel.
    private FloatImage AlongBothAxes(int radius, Func<float, float, float> accumulate, Func<float, int, float> finish)
    {
        return AlongRows(AlongRows(this));

        // Filters the rows and transposes the image.
        FloatImage AlongRows(FloatImage source) => new FloatImage(source.Width, source.Height).Map((_, y, x) =>
        {
            var (first, last) = (Math.Max(0, y - radius), Math.Min(source.Width - 1, y + radius));
            var result = source[x, first];
            for (var at = first + 1; at <= last; at++)
                result = accumulate(result, source[x, at]);
            return finish(result, last - first + 1);
        });
    }
}

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

    /// <summary>Whether two bounding boxes are side by side: in the same rows, but not in the same columns.</summary>
    public bool IsBeside(ConnectedComponent other) =>
        Math.Min(Bottom, other.Bottom) - Math.Max(Top, other.Top) >= Math.Min(Height, other.Height) / 2
        && Math.Min(Right, other.Right) - Math.Max(Left, other.Left) < Math.Min(Width, other.Width) / 5;

    /// <summary>Distance of two bounding boxes in pixels; 0 if they touch.</summary>
    public int Gap(ConnectedComponent other) => Math.Max(
        0, Math.Max(Math.Max(other.Left - Right, Left - other.Right), Math.Max(other.Top - Bottom, Top - other.Bottom)) - 1);
}
