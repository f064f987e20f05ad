namespace MnistCnn.Data;

/// <summary>Measures mean and deviation of pixels that come in parts.</summary>
internal sealed class PixelSums
{
    private ulong count;
    private ulong sum;
    private ulong squares;

    /// <summary>As <see cref="Normalization.Of(ReadOnlySpan{byte})"/> of all pixels until now, of which there is one at least.</summary>
    public Normalization Normalization
    {
        get
        {
            var mean = (double)sum / count;
            var deviation = Math.Sqrt(Math.Max(0, (double)squares / count - mean * mean));
            var rounded = Math.Round(deviation / byte.MaxValue, 4);
            return new Normalization(Math.Round(mean / byte.MaxValue, 4), rounded > 0 ? rounded : 1);
        }
    }

    /// <summary>Adds some pixels.</summary>
    public void Add(ReadOnlySpan<byte> pixels)
    {
        var (partSum, partSquares) = (0UL, 0UL);
        foreach (var pixel in pixels)
        {
            partSum += pixel;
            partSquares += (ulong)pixel * pixel;
        }

        count += (ulong)pixels.Length;
        sum += partSum;
        squares += partSquares;
    }
}
