namespace MnistCnn.Data;

/// <summary>A number for each pixel, row by row.</summary>
/// <param name="height">In pixels.</param>
/// <param name="width">In pixels.</param>
internal sealed class Plane(int height, int width)
{
    /// <summary>How finely <see cref="Fill"/> works.</summary>
    public const float Step = 1f / (Levels - 1);

    private const int Levels = 1024;

    public int Height => height;

    public int Width => width;

    public int Longer => Math.Max(height, width);

    public float[] Values { get; } = new float[height * width];

    public ref float this[int y, int x] => ref Values[y * width + x];

    /// <summary>The value that a share of all values are at most.</summary>
    public static float Quantile(IEnumerable<float> values, double share)
    {
        var sorted = values.ToArray();
        Array.Sort(sorted);
        return sorted[(int)(share * (sorted.Length - 1))];
    }

    /// <summary>The values along the four sides, those of the corners twice.</summary>
    public IEnumerable<float> Border() =>
    [
        .. Enumerable.Range(0, width).SelectMany(x => new[] { this[0, x], this[height - 1, x] }),
        .. Enumerable.Range(0, height).SelectMany(y => new[] { this[y, 0], this[y, width - 1] }),
    ];

    /// <summary>A plane of the same size; the function gets a value, its row and its column.</summary>
    public Plane Map(Func<float, int, int, float> map)
    {
        var result = new Plane(height, width);
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                result[y, x] = map(this[y, x], y, x);
        return result;
    }

    /// <summary>The largest value of a square around each pixel: along one dimension, then along the other.</summary>
    public Plane Spread(int radius)
    {
        return Along(Along(this));

        Plane Along(Plane source) => new Plane(source.Width, source.Height).Map((_, y, x) =>
        {
            var largest = source[x, y];
            for (var at = Math.Max(0, y - radius); at <= Math.Min(source.Width - 1, y + radius); at++)
                largest = Math.Max(largest, source[x, at]);
            return largest;
        });
    }

    /// <summary>The smallest value of a square around each pixel.</summary>
    public Plane Shrink(int radius) => Map((value, _, _) => -value).Spread(radius).Map((value, _, _) => -value);

    /// <summary>The mean of a square around each pixel, as far as it lies within the plane.</summary>
    public Plane Mean(int radius)
    {
        return Along(Along(this));

        Plane Along(Plane source) => new Plane(source.Width, source.Height).Map((_, y, x) =>
        {
            var (first, last) = (Math.Max(0, y - radius), Math.Min(source.Width - 1, y + radius));
            var sum = 0f;
            for (var at = first; at <= last; at++)
                sum += source[x, at];
            return sum / (last - first + 1);
        });
    }

    /// <summary>Adds zeros around it.</summary>
    public Plane Pad(int margin)
    {
        var padded = new Plane(height + 2 * margin, width + 2 * margin);
        for (var y = 0; y < height; y++)
            Values.AsSpan(y * width, width).CopyTo(padded.Values.AsSpan((y + margin) * padded.Width + margin));
        return padded;
    }

    /// <summary>The smallest box that holds all values above 0, and zeros around it.</summary>
    public Plane Crop()
    {
        var box = new ConnectedComponent();
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                if (this[y, x] > 0)
                    box.Add(y, x, 0);
        return Cut(box).Pad(1);
    }

    /// <summary>What lies in the box around a part.</summary>
    public Plane Cut(ConnectedComponent part) => new Plane(part.Height, part.Width).Map((_, y, x) => this[part.Top + y, part.Left + x]);

    /// <summary>
    /// Each pixel of the result is the mean of what it covers; where it is enlarged, it lies between two. What lies outside
    /// is as the nearest pixel.
    /// </summary>
    public Plane Resize(int newHeight, int newWidth, double scale, double top = 0, double left = 0)
    {
        return Along(Along(this, newHeight, top), newWidth, left);

        Plane Along(Plane source, int length, double start)
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
            return new Plane(source.Width, length).Map((_, y, x) =>
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
    /// Fills every hollow up to its brim, as water would that runs off over the border: a pixel becomes the least height that
    /// a way from the border to it must climb. P. Soille and M. Ansoult, 1990, doi:10.1016/0165-1684(90)90131-F.
    /// </summary>
    /// <param name="border">The height of the border; values elsewhere do not count.</param>
    /// <returns>Values from 0 to 1, in steps of 1/1023.</returns>
    public Plane Fill(Plane border)
    {
        var steps = Array.ConvertAll(Values, ToLevel);
        var filled = new int[Values.Length];
        Array.Fill(filled, -1);
        var queues = new Stack<int>[Levels];
        for (var level = 0; level < Levels; level++)
            queues[level] = new Stack<int>();
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
            filled[at] = Math.Max(level, steps[at]);
            queues[filled[at]].Push(at);
        }

        static int ToLevel(float value) => (int)(Math.Clamp(value, 0, 1) * (Levels - 1) + 0.5f);
    }

    /// <summary>The connected parts of what is above a threshold, also by corners.</summary>
    /// <param name="threshold">The threshold.</param>
    /// <param name="numbers">For each pixel the number of its part, from 1; 0 for none: as the plane.</param>
    public ConnectedComponent[] Parts(float threshold, out Plane numbers)
    {
        var parts = new List<ConnectedComponent>();
        var taken = numbers = new Plane(height, width);
        var open = new Stack<(int Y, int X)>();
        for (var startY = 0; startY < height; startY++)
            for (var startX = 0; startX < width; startX++)
            {
                if (!Take(startY, startX, parts.Count + 1))
                    continue;
                var part = new ConnectedComponent { Number = parts.Count + 1 };
                parts.Add(part);
                while (open.TryPop(out var at))
                {
                    part.Add(at.Y, at.X, this[at.Y, at.X]);
                    for (var y = Math.Max(0, at.Y - 1); y <= Math.Min(height - 1, at.Y + 1); y++)
                        for (var x = Math.Max(0, at.X - 1); x <= Math.Min(width - 1, at.X + 1); x++)
                            Take(y, x, part.Number);
                }
            }

        return [.. parts];

        bool Take(int y, int x, int number)
        {
            if (this[y, x] <= threshold || taken[y, x] > 0)
                return false;
            taken[y, x] = number;
            open.Push((y, x));
            return true;
        }
    }
}
