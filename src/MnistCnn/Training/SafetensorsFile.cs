using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using static TorchSharp.torch;

namespace MnistCnn.Training;

/// <summary>
/// Named tensors with a few words about them, in the safetensors format: what PyTorch's <c>safetensors.torch</c> reads and
/// writes. Unlike a pickle, such a file can hold nothing that runs.
/// </summary>
/// <remarks>
/// Source: https://huggingface.co/docs/safetensors. The length of the header as a little-endian 64-bit number, the header
/// in JSON, the tensors' bytes one behind the other, without gaps.
/// </remarks>
/// <param name="Tensors">On the CPU, by name, in the order in which they stand in the file.</param>
/// <param name="Metadata">Text by name.</param>
public sealed record SafetensorsFile(IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) : IDisposable
{
    private const string MetadataKey = "__metadata__";
    private const int LargestHeader = 16 << 20;
    private const int LargestRank = 8;

    private static readonly Dictionary<string, (ScalarType Type, int Size)> Types = new()
    {
        ["BOOL"] = (ScalarType.Bool, 1),
        ["U8"] = (ScalarType.Byte, 1),
        ["I8"] = (ScalarType.Int8, 1),
        ["I16"] = (ScalarType.Int16, 2),
        ["I32"] = (ScalarType.Int32, 4),
        ["I64"] = (ScalarType.Int64, 8),
        ["F16"] = (ScalarType.Float16, 2),
        ["BF16"] = (ScalarType.BFloat16, 2),
        ["F32"] = (ScalarType.Float32, 4),
        ["F64"] = (ScalarType.Float64, 8),
    };

    /// <summary>Reads a file. What it takes in memory is in proportion to the file.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="InvalidDataException">It is no such file, or it is damaged.</exception>
    public static SafetensorsFile Read(string path)
    {
        if (Directory.Exists(path))
            throw new FileNotFoundException($"{path} is a folder; name one of the .safetensors files in it.");
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path} does not exist.");
        return Parse(File.ReadAllBytes(path), path);
    }

    /// <summary>Reads the contents of a file.</summary>
    /// <param name="contents">The whole file.</param>
    /// <param name="name">What to call it in a message.</param>
    /// <exception cref="InvalidDataException">It is no such file, or it is damaged.</exception>
    public static SafetensorsFile Parse(byte[] contents, string name)
    {
        if (contents is [(byte)'P', (byte)'K', ..] or [0x80, >= 2 and <= 5, ..])
            throw new InvalidDataException($"{name} is a pickle of PyTorch's, which this program does not open. Save it with safetensors.torch.save_file.");

        var headerLength = contents.Length < 8 ? -1 : BinaryPrimitives.ReadInt64LittleEndian(contents);
        if (headerLength < 0 || headerLength > Math.Min(contents.Length - 8, LargestHeader))
            throw Damaged("its header does not fit into it");

        var data = contents.AsSpan(8 + (int)headerLength);
        var entries = new List<(string Name, ScalarType Type, long[] Shape, int Begin, int End)>();
        var metadata = new Dictionary<string, string>();
        try
        {
            using var header = JsonDocument.Parse(
                contents.AsMemory(8, (int)headerLength), new JsonDocumentOptions { MaxDepth = 4, AllowDuplicateProperties = false });
            foreach (var property in header.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataKey)
                    metadata = property.Value.EnumerateObject().ToDictionary(text => text.Name, text => text.Value.GetString() ?? throw new FormatException());
                else
                    entries.Add(Entry(property));
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or OverflowException)
        {
            throw Damaged("its header makes no sense");
        }

        // Every byte belongs to exactly one tensor.
        var position = 0;
        foreach (var entry in entries.OrderBy(entry => (entry.Begin, entry.End)))
        {
            if (entry.Begin != position)
                throw Damaged($"the bytes of {entry.Name} overlap others or leave a gap");
            position = entry.End;
        }

        if (position != data.Length)
            throw Damaged($"its tensors have {position} bytes, but it has {data.Length}");

        var tensors = new Dictionary<string, Tensor>();
        foreach (var entry in entries)
        {
            var tensor = empty(entry.Shape, entry.Type);
            data[entry.Begin..entry.End].CopyTo(tensor.bytes);
            tensors.Add(entry.Name, tensor);
        }

        return new SafetensorsFile(tensors, metadata);

        (string, ScalarType, long[], int, int) Entry(JsonProperty property)
        {
            if (property.Value.EnumerateObject().Count() != 3
                || !Types.TryGetValue(property.Value.GetProperty("dtype").GetString() ?? "", out var type))
                throw new FormatException();
            var shape = property.Value.GetProperty("shape").EnumerateArray().Select(length => (long)length.GetInt32()).ToArray();
            var offsets = property.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt32()).ToArray();
            var size = shape.Aggregate((long)type.Size, (product, length) => checked(product * length));
            if (shape.Length > LargestRank || shape.Any(length => length < 0) || shape.Aggregate(1L, (product, length) => checked(product * Math.Max(length, 1))) > int.MaxValue)
                throw new FormatException();
            if (offsets is not [>= 0 and var begin, var end] || end < begin || end - begin != size)
                throw new FormatException();
            return (property.Name, type.Type, shape, begin, end);
        }

        InvalidDataException Damaged(string reason) => new($"{name} is no safetensors file, or a damaged one: {reason}.");
    }

    /// <summary>Writes a file, whole or not at all; the same contents give the same bytes.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Write(string path)
    {
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartObject(MetadataKey);
            foreach (var (key, text) in Metadata)
                json.WriteString(key, text);
            json.WriteEndObject();

            var position = 0L;
            foreach (var (key, tensor) in Tensors)
            {
                var (type, size) = Types.First(type => type.Value.Type == tensor.dtype) is var found ? (found.Key, found.Value.Size) : default;
                json.WriteStartObject(key);
                json.WriteString("dtype", type);
                json.WriteStartArray("shape");
                foreach (var length in tensor.shape)
                    json.WriteNumberValue(length);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(position);
                json.WriteNumberValue(position += tensor.numel() * size);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // The tensors begin at a multiple of eight.
        while (header.Length % 8 != 0)
            header.WriteByte((byte)' ');

        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            header.WriteTo(stream);
            foreach (var tensor in Tensors.Values)
            {
                using var scope = NewDisposeScope();
                stream.Write(tensor.detach().cpu().contiguous().bytes);
            }
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Tensors.Values)
            tensor.Dispose();
    }
}
