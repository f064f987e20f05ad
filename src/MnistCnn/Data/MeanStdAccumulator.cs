using System.Numerics;
using System.Runtime.InteropServices;

namespace MnistCnn.Data;

/// <summary>Mean and standard deviation per channel of images that are added one after the other.</summary>
internal sealed class MeanStdAccumulator(int channels)
{
    // Vectors per block: the squares of more would overflow a sum of 32 bits.
    private const int LargestBlock = 4096;

    private readonly ulong[] sums = new ulong[channels];
    private readonly ulong[] sumsOfSquares = new ulong[channels];
    private ulong count;

    /// <summary>Values of the pixels added so far, at least one, rounded to four digits; a standard deviation of 0 becomes 1.</summary>
    public Normalization Normalization => new([.. sums.Select(Mean)], [.. sums.Zip(sumsOfSquares, Std)]);

    /// <summary>Adds an image (C, H, W), or as many rows of pixels as there are channels.</summary>
    public void Add(ReadOnlySpan<byte> image)
    {
        var size = image.Length / channels;
        count += (ulong)size;
        for (var channel = 0; channel < channels; channel++)
            AddPlane(image.Slice(channel * size, size), ref sums[channel], ref sumsOfSquares[channel]);
    }

    private double Mean(ulong sum) => Math.Round((double)sum / count / byte.MaxValue, 4);

    private double Std(ulong sum, ulong squares)
    {
        var mean = (double)sum / count;
        var std = Math.Round(Math.Sqrt(Math.Max(0, (double)squares / count - mean * mean)) / byte.MaxValue, 4);
        return std > 0 ? std : 1;
    }

    // Vectorized: otherwise, measuring a large set takes as long as reading it.
    private static void AddPlane(ReadOnlySpan<byte> pixels, ref ulong sum, ref ulong squares)
    {
        var vectors = MemoryMarshal.Cast<byte, Vector<byte>>(pixels);
        foreach (var pixel in pixels[(vectors.Length * Vector<byte>.Count)..])
        {
            sum += pixel;
            squares += (ulong)pixel * pixel;
        }

        for (; !vectors.IsEmpty; vectors = vectors[Math.Min(LargestBlock, vectors.Length)..])
        {
            var (blockSums, blockSquares) = (Vector<uint>.Zero, Vector<uint>.Zero);
            foreach (var vector in vectors[..Math.Min(LargestBlock, vectors.Length)])
            {
                Vector.Widen(vector, out var low, out var high);
                blockSums += Widened(low + high);
                blockSquares += Widened(low * low) + Widened(high * high);
            }

            sum += Vector.Sum(blockSums);
            for (var lane = 0; lane < Vector<uint>.Count; lane++)
                squares += blockSquares[lane];
        }

        static Vector<uint> Widened(Vector<ushort> values)
        {
            Vector.Widen(values, out var low, out var high);
            return low + high;
        }
    }
}
