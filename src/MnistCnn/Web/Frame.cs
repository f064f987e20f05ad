using System.Runtime.InteropServices;
using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Runtime;

namespace MnistCnn.Web;

/// <summary>
/// An answer of JSON and numbers: four bytes, little-endian, with the length of the JSON; the JSON, padded with blanks so that what
/// lies behind it starts at a multiple of eight; the numbers. In the JSON, <c>at</c> is a place among the numbers, in bytes.
/// </summary>
internal sealed class Frame : IDisposable
{
    private const int Alignment = 8;
    private const long Largest = 32 << 20;

    private readonly MemoryStream numbers = new();

    /// <summary>Adds bytes, and gives their place.</summary>
    /// <exception cref="UserException">That is more than an answer may have.</exception>
    public int Add(ReadOnlySpan<byte> bytes)
    {
        if (numbers.Position + bytes.Length > Largest)
            throw new UserException($"The answer would have more than {Largest >> 20} MB. Ask for fewer maps or smaller ones.");
        var at = (int)numbers.Position;
        numbers.Write(bytes);
        return at;
    }

    /// <summary>Adds float32 numbers, and gives their place, a multiple of eight.</summary>
    public int Add(ReadOnlySpan<float> values)
    {
        while (numbers.Position % Alignment != 0)
            numbers.WriteByte(0);
        return Add(MemoryMarshal.AsBytes(values));
    }

    /// <inheritdoc/>
    public void Dispose() => numbers.Dispose();

    /// <summary>The whole answer.</summary>
    /// <param name="head">What the JSON says.</param>
    public byte[] Finish<T>(T head)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(head, JsonFormat.Line);
        var length = (sizeof(int) + json.Length + Alignment - 1) / Alignment * Alignment - sizeof(int);
        var frame = new byte[sizeof(int) + length + numbers.Length];
        BitConverter.TryWriteBytes(frame, length);
        frame.AsSpan(sizeof(int), length).Fill((byte)' ');
        json.CopyTo(frame, sizeof(int));
        numbers.GetBuffer().AsSpan(0, (int)numbers.Length).CopyTo(frame.AsSpan(sizeof(int) + length));
        return frame;
    }
}
