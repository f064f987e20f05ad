using System.Buffers.Binary;
using System.IO.Compression;

namespace MnistCnn.Data;

/// <summary>Reads an IDX file of unsigned bytes, raw or compressed with gzip.</summary>
/// <remarks>
/// Source: "The IDX file format" on the MNIST page of Y. LeCun, C. Cortes and C. Burges. Two zero bytes, the type of
/// the values (8: unsigned byte), the number of dimensions, each dimension as a big-endian 32-bit number, the values.
/// </remarks>
internal static class IdxFile
{
    private const int UnsignedByte = 8;

    // Deflate packs at most 258 bytes into 2 bits (RFC 1951, section 3.2.5).
    private const long MaxGzipRatio = 1032;

    /// <summary>Parses a file with <paramref name="rank"/> dimensions; memory use is proportional to the contents.</summary>
    public static IdxArray Parse(byte[] contents, string name, int rank)
    {
        var bytes = contents is [0x1f, 0x8b, ..] ? Decompress(contents, name) : contents;
        if (bytes is not [0, 0, _, _, ..])
            throw new InvalidDataException($"{name} is not an IDX file: it does not start with the IDX magic number.");
        if (bytes[2] != UnsignedByte)
            throw new InvalidDataException($"{name} holds values of IDX type 0x{bytes[2]:x2}; it must hold unsigned bytes (0x08).");
        if (bytes[3] != rank)
            throw new InvalidDataException($"{name} has {bytes[3]} dimensions; it must have {rank}.");
        var start = 4 + 4 * rank;
        if (bytes.Length < start)
            throw new InvalidDataException($"{name} is cut short: it ends inside its header.");

        var dimensions = new long[rank];
        for (var index = 0; index < rank; index++)
            dimensions[index] = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(4 + 4 * index));
        var count = dimensions.Aggregate((UInt128)1, (product, dimension) => product * (ulong)dimension);
        var shape = string.Join("x", dimensions);
        if (count == 0)
            throw new InvalidDataException($"{name} is empty: its dimensions are {shape}.");
        if (count != (ulong)(bytes.Length - start))
            throw new InvalidDataException(
                $"{name} is cut short, too long or damaged: its dimensions {shape} need {count} bytes, it has {bytes.Length - start}.");
        return new IdxArray(name, dimensions, bytes.AsMemory(start));
    }

    // A gzip file ends with the length of its uncompressed contents (RFC 1952). GZipStream checks the checksum before it, but accepts a
    // file that ends early or has bytes behind its end; the length does not.
    private static byte[] Decompress(byte[] contents, string name)
    {
        try
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(contents.AsSpan(Math.Max(0, contents.Length - 4)));
            if (length <= MaxGzipRatio * contents.Length && length <= Array.MaxLength)
            {
                using var gzip = new GZipStream(new MemoryStream(contents), CompressionMode.Decompress);
                var bytes = new byte[length];
                if (gzip.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length && gzip.ReadByte() < 0)
                    return bytes;
            }
        }
        catch (Exception error) when (error is InvalidDataException or ArgumentOutOfRangeException)
        {
        }

        throw new InvalidDataException($"{name} is a gzip file that is damaged, cut short or too long. Fetch it again.");
    }
}

/// <param name="Dimensions">Length of each dimension, outermost first.</param>
/// <param name="Values">Values in row-major order.</param>
internal sealed record IdxArray(string Name, long[] Dimensions, Memory<byte> Values);
