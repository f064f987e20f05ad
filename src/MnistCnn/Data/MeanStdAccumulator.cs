using System.Numerics;
using System.Runtime.InteropServices;

namespace MnistCnn.Data;

/// <summary>Measures mean and deviation of pixels that come in parts.</summary>
internal sealed class MeanStdAccumulator
{
    // So many vectors at a time: more would not fit into the 32 bits of a sum of squares.
    private const int LargestBlock = 4096;

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
        count += (ulong)pixels.Length;
        var vectors = MemoryMarshal.Cast<byte, Vector<byte>>(pixels);
        foreach (var pixel in pixels[(vectors.Length * Vector<byte>.Count)..])
        {
            sum += pixel;
            squares += (ulong)pixel * pixel;
        }

        for (; !vectors.IsEmpty; vectors = vectors[Math.Min(LargestBlock, vectors.Length)..])
            AddBlock(vectors[..Math.Min(LargestBlock, vectors.Length)]);
    }

    // Many at once: a large set takes as long to be measured as to be read, otherwise.
    private void AddBlock(ReadOnlySpan<Vector<byte>> vectors)
    {
        var (sums, sumsOfSquares) = (Vector<uint>.Zero, Vector<uint>.Zero);
        foreach (var vector in vectors)
        {
            Vector.Widen(vector, out var low, out var high);
            Add(low + high, ref sums);
            Add(low * low, ref sumsOfSquares);
            Add(high * high, ref sumsOfSquares);
        }

        sum += Vector.Sum(sums);
        for (var lane = 0; lane < Vector<uint>.Count; lane++)
            squares += sumsOfSquares[lane];

        static void Add(Vector<ushort> values, ref Vector<uint> sums)
        {
            Vector.Widen(values, out var low, out var high);
            sums += low + high;
        }
    }
}
