using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace MnistCnn.SystemTests;

/// <summary>An answer of the server with numbers: see docs/serve.md.</summary>
/// <param name="Json">What it says of them.</param>
/// <param name="Bytes">The numbers.</param>
internal sealed record ReceivedFrame(JsonElement Json, byte[] Bytes)
{
    /// <summary>Takes an answer apart.</summary>
    public static ReceivedFrame Parse(byte[] answer)
    {
        var end = 4 + BinaryPrimitives.ReadInt32LittleEndian(answer);
        return new ReceivedFrame(JsonDocument.Parse(answer.AsMemory(4..end)).RootElement, answer[end..]);
    }

    /// <summary>Numbers in float32.</summary>
    /// <param name="owner">What has their place in "at".</param>
    /// <param name="count">How many.</param>
    public float[] Floats(JsonElement owner, int count) =>
        MemoryMarshal.Cast<byte, float>(Bytes.AsSpan(owner.GetProperty("at").GetInt32(), 4 * count)).ToArray();

    /// <summary>Numbers in a byte each.</summary>
    /// <param name="owner">What has their place in "at".</param>
    /// <param name="count">How many.</param>
    public byte[] Values(JsonElement owner, int count) => Bytes.AsSpan(owner.GetProperty("at").GetInt32(), count).ToArray();
}
