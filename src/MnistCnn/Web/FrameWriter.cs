using System.Buffers;
using System.Runtime.InteropServices;
using MnistCnn.Files;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>
/// Writes a frame, a response of JSON and binary data: the length of the JSON (4 bytes, little-endian), the JSON, padded with blanks so
/// that the data start at a multiple of 8, and the data. Offsets in the JSON count from the start of the data, in bytes.
/// </summary>
internal sealed class FrameWriter
{
    private const int Alignment = 8;
    private const long MostBytes = 32 << 20;

    private readonly ArrayBufferWriter<byte> data = new();

    /// <summary>Appends bytes, and returns their offset, a multiple of 8.</summary>
    /// <exception cref="UserException">The frame would exceed 32 MB.</exception>
    public int Add(ReadOnlySpan<byte> bytes)
    {
        data.Write("\0\0\0\0\0\0\0"u8[..PaddingOf(data.WrittenCount)]);
        if (data.WrittenCount + bytes.Length > MostBytes)
            throw new UserException($"The response would have more than {MostBytes >> 20} MB. Ask for fewer or smaller feature maps.");
        var offset = data.WrittenCount;
        data.Write(bytes);
        return offset;
    }

    /// <summary>Appends float32 values, and returns their offset.</summary>
    public int Add(ReadOnlySpan<float> values) => Add(MemoryMarshal.AsBytes(values));

    /// <summary>Returns the frame: this JSON document and the data added so far.</summary>
    public byte[] Finish<T>(T head)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(head, JsonFormat.Line);
        var padding = "       "u8[..PaddingOf(sizeof(int) + json.Length)];
        return [.. BitConverter.GetBytes(json.Length + padding.Length), .. json, .. padding, .. data.WrittenSpan];
    }

    private static int PaddingOf(int length) => (Alignment - length % Alignment) % Alignment;
}
