using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace MnistCnn.Tests.Web;

/// <summary>Reads an answer of JSON and numbers as docs/guides/serve.md describes it.</summary>
public sealed class Frame
{
    private readonly ReadOnlyMemory<byte> numbers;

    public Frame(byte[] contents)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(contents);
        var start = 4 + length;
        Assert.Equal(0, start % 8);
        Head = JsonDocument.Parse(contents.AsMemory(4, length)).RootElement;
        numbers = contents.AsMemory(start);
    }

    /// <summary>How many bytes of numbers it has.</summary>
    public long Length => numbers.Length;

    /// <summary>The JSON.</summary>
    public JsonElement Head { get; }

    public JsonElement this[string field] => Head.GetProperty(field);

    /// <summary>The bytes at a place.</summary>
    public byte[] Bytes(JsonElement at, long count) => numbers.Slice(at.GetInt32(), (int)count).ToArray();

    /// <summary>The float32 numbers at a place.</summary>
    public float[] Floats(JsonElement at, long count)
    {
        Assert.Equal(0, at.GetInt32() % 4);
        return MemoryMarshal.Cast<byte, float>(numbers.Span.Slice(at.GetInt32(), (int)(4 * count))).ToArray();
    }

    /// <summary>The float32 numbers of something with a shape.</summary>
    public float[] Floats(JsonElement shaped) =>
        Floats(shaped.GetProperty("offset"), Numbers(shaped.GetProperty("shape")).Aggregate(1L, (product, side) => product * side));

    /// <summary>The bytes of something with a scale, as the numbers that they stand for.</summary>
    public double[] Scaled(JsonElement scaled, int maps)
    {
        var (scale, zero) = (scaled.GetProperty("scale").GetDouble(), scaled.GetProperty("zero").GetInt32());
        var count = maps * scaled.GetProperty("height").GetInt64() * scaled.GetProperty("width").GetInt64();
        return [.. Bytes(scaled.GetProperty("offset"), count).Select(value => scale * (value - zero))];
    }

    public static long[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetInt64())];

    public static double[] Doubles(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];
}
