using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Files;

/// <summary>
/// Named tensors with a few words about them, in the safetensors format: what PyTorch's <c>safetensors.torch</c> reads and
/// writes. Unlike a pickle, such a file can hold nothing that runs.
/// </summary>
/// <remarks>
/// Source: https://huggingface.co/docs/safetensors. The length of the header as a little-endian 64-bit number, the header
/// in JSON, the tensors' bytes one behind the other, without gaps. Files of this program have a checksum too, in the metadata:
/// the SHA-256 of the whole file, with zeros in the place of the checksum. Files of PyTorch's and of version 0.1 have none.
/// </remarks>
/// <param name="Tensors">On the CPU, by name, in the order in which they stand in the file.</param>
/// <param name="Metadata">Text by name.</param>
internal sealed record SafetensorsFile(IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) : IDisposable
{
    private const string MetadataKey = "__metadata__";
    private const string ProgramKey = "mnist_cnn";
    private const string ChecksumKey = "sha256";
    private const int LengthSize = 8;
    private const int LargestHeader = 16 << 20;
    private const int LargestRank = 8;

    private static readonly string NoChecksum = new('0', 2 * SHA256.HashSizeInBytes);

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

    /// <summary>Reads a file. What it takes in memory is in proportion to the file, and little before the header is known to fit.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not such a file, or it is damaged.</exception>
    public static SafetensorsFile Read(string path)
    {
        using var file = InputFile.Open(path);
        return Parse(file, path);
    }

    /// <summary>Reads the contents of a file.</summary>
    /// <param name="contents">The whole file.</param>
    /// <param name="name">What to call it in a message.</param>
    /// <exception cref="InvalidDataException">It is not such a file, or it is damaged.</exception>
    public static SafetensorsFile Parse(byte[] contents, string name) => Parse(new MemoryStream(contents), name);

    /// <summary>Writes a file, whole or not at all; the same contents give the same bytes.</summary>
    /// <exception cref="IOException">It cannot be written, or could not be read again.</exception>
    public void Write(string path)
    {
        var header = Header();
        EnsureReadable(header, path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        ForEachTensor(bytes => hash.AppendData(bytes));
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset())).CopyTo(ChecksumIn(header, NoChecksum));
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            ForEachTensor(stream.Write);
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Tensors.Values)
            tensor.Dispose();
    }

    private static SafetensorsFile Parse(Stream stream, string name)
    {
        var header = ReadHeader(stream, name);
        var (entries, metadata) = ParseHeader(header.AsMemory(LengthSize), name);
        entries = [.. entries.OrderBy(entry => (entry.Begin, entry.End))];
        EnsureWhole(entries, stream.Length - header.Length, name);
        var checksum = TakeChecksum(header, metadata, name);

        var tensors = entries.OrderBy(entry => entry.Place).ToDictionary(entry => entry.Name, entry => empty(entry.Shape, entry.Type));
        var file = new SafetensorsFile(tensors, metadata);
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(header);
            foreach (var entry in entries)
            {
                stream.ReadExactly(tensors[entry.Name].bytes);
                hash.AppendData(tensors[entry.Name].bytes);
            }

            if (checksum is not null && checksum != Convert.ToHexStringLower(hash.GetHashAndReset()))
                throw Damaged(name, "its bytes are not those that were written");
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void EnsureReadable(byte[] header, string path)
    {
        try
        {
            _ = ParseHeader(ReadHeader(new MemoryStream(header), path).AsMemory(LengthSize), path);
        }
        catch (InvalidDataException error)
        {
            throw new IOException($"{path} was not written, because it could not be read again: its text or a tensor is too large.", error);
        }
    }

    // With its length in front.
    private static byte[] ReadHeader(Stream stream, string name)
    {
        Span<byte> start = stackalloc byte[LengthSize];
        start = start[..stream.ReadAtLeast(start, LengthSize, throwOnEndOfStream: false)];
        var length = start.Length < LengthSize ? -1 : BinaryPrimitives.ReadInt64LittleEndian(start);
        if (length < 0 || length > Math.Min(stream.Length - LengthSize, LargestHeader))
        {
            // The length of a header may begin as a pickle does, but that of a pickle would be a header beyond all sizes.
            throw start is [(byte)'P', (byte)'K', ..] or [0x80, >= 2 and <= 5, ..]
                ? new InvalidDataException($"{name} is a pickle of PyTorch's, which can run code and is not opened. In Python: {AsSafetensors(name)}")
                : Damaged(name, "its header does not fit into it");
        }

        var header = new byte[LengthSize + length];
        start.CopyTo(header);
        stream.ReadExactly(header.AsSpan(LengthSize));
        return header;
    }

    // Two lines of Python in one.
    private static string AsSafetensors(string name)
    {
        return $"import torch, safetensors.torch; "
            + $"safetensors.torch.save_file(torch.load({Quoted(name)}, weights_only=True), {Quoted(Path.ChangeExtension(name, ".safetensors"))})";

        static string Quoted(string text) => $"'{text.Replace("\\", "\\\\").Replace("'", "\\'")}'";
    }

    private static (Entry[] Entries, Dictionary<string, string> Metadata) ParseHeader(ReadOnlyMemory<byte> json, string name)
    {
        try
        {
            using var header = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 4, AllowDuplicateProperties = false });
            var properties = header.RootElement.EnumerateObject().ToLookup(property => property.Name == MetadataKey, property => property);
            return (
                [.. properties[false].Select((property, place) => ParseEntry(property, place))],
                properties[true].SelectMany(metadata => metadata.Value.EnumerateObject())
                    .ToDictionary(text => text.Name, text => text.Value.GetString() ?? throw new FormatException()));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or OverflowException)
        {
            throw Damaged(name, "its header makes no sense");
        }
    }

    private static Entry ParseEntry(JsonProperty property, int place)
    {
        if (property.Value.EnumerateObject().Count() != 3
            || !Types.TryGetValue(property.Value.GetProperty("dtype").GetString() ?? "", out var type))
            throw new FormatException();
        var shape = property.Value.GetProperty("shape").EnumerateArray().Select(length => (long)length.GetInt32()).ToArray();
        var offsets = property.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
        var size = shape.Aggregate((long)type.Size, (product, length) => checked(product * length));
        var largest = shape.Aggregate(1L, (product, length) => checked(product * Math.Max(length, 1)));
        if (shape.Length > LargestRank || shape.Any(length => length < 0) || largest > int.MaxValue || size > int.MaxValue)
            throw new FormatException();
        if (offsets is not [>= 0 and var begin, var end] || end < begin || end - begin != size)
            throw new FormatException();
        return new Entry(property.Name, place, type.Type, shape, begin, end);
    }

    // Every byte belongs to exactly one tensor.
    private static void EnsureWhole(IEnumerable<Entry> entries, long length, string name)
    {
        var position = 0L;
        foreach (var entry in entries)
        {
            if (entry.Begin != position)
                throw Damaged(name, $"the bytes of {entry.Name} overlap others or leave a gap");
            position = entry.End;
        }

        if (position != length)
            throw Damaged(name, $"its tensors have {position} bytes, but it has {length}");
    }

    // Leaves zeros in its place.
    private static string? TakeChecksum(byte[] header, Dictionary<string, string> metadata, string name)
    {
        if (!metadata.TryGetValue(ChecksumKey, out var checksum))
            return metadata.GetValueOrDefault(ProgramKey) is null or "0.1.0" ? null : throw Damaged(name, "its checksum is missing");
        var place = ChecksumIn(header, checksum);
        if (place.Length != NoChecksum.Length)
            throw Damaged(name, "its checksum makes no sense");
        place.Fill((byte)'0');
        return checksum;
    }

    private static Span<byte> ChecksumIn(byte[] header, string checksum)
    {
        var text = Encoding.UTF8.GetBytes($"\"{ChecksumKey}\":\"{checksum}\"");
        var start = header.AsSpan().IndexOf(text);
        return start < 0 ? [] : header.AsSpan(start + text.Length - 1 - checksum.Length, checksum.Length);
    }

    // With its length in front, and zeros in the place of the checksum.
    private byte[] Header()
    {
        using var header = new MemoryStream();
        header.Write(new byte[LengthSize]);
        using (var json = new Utf8JsonWriter(header, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartObject(MetadataKey);
            foreach (var (key, text) in Metadata.Where(text => text.Key is not (ProgramKey or ChecksumKey)))
                json.WriteString(key, text);
            json.WriteString(ProgramKey, Versions.Program);
            json.WriteString(ChecksumKey, NoChecksum);
            json.WriteEndObject();

            var position = 0L;
            foreach (var (key, tensor) in Tensors)
                WriteEntry(json, key, tensor, ref position);

            json.WriteEndObject();
        }

        // The tensors begin at a multiple of eight.
        while (header.Length % LengthSize != 0)
            header.WriteByte((byte)' ');
        var bytes = header.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - LengthSize);
        return bytes;
    }

    private static void WriteEntry(Utf8JsonWriter json, string name, Tensor tensor, ref long position)
    {
        json.WriteStartObject(name);
        json.WriteString("dtype", Types.First(type => type.Value.Type == tensor.dtype).Key);
        json.WriteStartArray("shape");
        foreach (var length in tensor.shape)
            json.WriteNumberValue(length);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(position);
        json.WriteNumberValue(position += tensor.numel() * tensor.element_size());
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void ForEachTensor(ReadOnlySpanAction write)
    {
        foreach (var tensor in Tensors.Values)
        {
            using var scope = NewDisposeScope();
            write(tensor.detach().cpu().contiguous().bytes);
        }
    }

    private static InvalidDataException Damaged(string name, string reason) => new($"{name} is not a safetensors file, or a damaged one: {reason}.");

    private delegate void ReadOnlySpanAction(ReadOnlySpan<byte> bytes);

    /// <summary>What the header says of a tensor.</summary>
    private sealed record Entry(string Name, int Place, ScalarType Type, long[] Shape, long Begin, long End);
}
