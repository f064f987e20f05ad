using System.Buffers.Binary;
using MnistCnn.Runtime;

namespace MnistCnn.Files;

/// <summary>Named tensors and text metadata in the format of <c>safetensors.torch</c>. Unlike a pickle, it cannot run code.</summary>
/// <remarks>
/// Source: https://huggingface.co/docs/safetensors. Layout: length of the header (int64, little-endian), header (JSON), bytes of the
/// tensors without gaps. Files of this program have a checksum in their metadata: the SHA-256 of the whole file, with zeros in place of
/// the checksum.
/// </remarks>
/// <param name="Tensors">On the CPU, in the order of the header.</param>
internal sealed record SafetensorsFile(
    IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) : IDisposable
{
    private const string MetadataKey = "__metadata__", ProgramKey = "mnist_cnn", ChecksumKey = "sha256";
    private const int LengthSize = 8, LargestHeader = 16 << 20, LargestRank = 8;

    private static readonly string NoChecksum = new('0', 2 * SHA256.HashSizeInBytes);

    private static readonly JsonSerializerOptions HeaderFormat = new(JsonFormat.Strict)
    {
        AllowDuplicateProperties = false,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

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

    /// <summary>Reads a file. Memory for tensors is allocated only after the header was found to fit the file.</summary>
    public static SafetensorsFile Read(string path)
    {
        using var file = InputFile.Open(path);
        return Read(file, path);
    }

    public static SafetensorsFile Read(Stream stream, string name)
    {
        var header = ReadHeader(stream, name);
        var (entries, metadata) = ParseHeader(header, name);
        var inFileOrder = entries.OrderBy(entry => (entry.Value.DataOffsets[0], entry.Value.DataOffsets[1])).ToArray();
        EnsureContiguous(inFileOrder, stream.Length - header.Length, name);
        var checksum = ClearChecksum(header, metadata, name);

        var tensors = entries.ToDictionary(entry => entry.Key, entry => empty(entry.Value.Shape, Types[entry.Value.Dtype].Type));
        var file = new SafetensorsFile(tensors, metadata);
        using var guard = new DisposeOnError(file);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        foreach (var (key, _) in inFileOrder)
        {
            stream.ReadExactly(tensors[key].bytes);
            hash.AppendData(tensors[key].bytes);
        }

        if (checksum is not null && checksum != Convert.ToHexStringLower(hash.GetHashAndReset()))
            throw Damaged(name, "its bytes are not those that were written");
        return guard.Complete(file);
    }

    /// <summary>Writes a file atomically. Equal contents give equal bytes.</summary>
    /// <exception cref="IOException">The file cannot be written, or <see cref="Read(string)"/> could not read it.</exception>
    public void Write(string path)
    {
        var header = CreateHeader();
        try
        {
            _ = ParseHeader(ReadHeader(new MemoryStream(header), path), path);
        }
        catch (InvalidDataException error)
        {
            throw new IOException($"{path} was not written, because it could not be read again: its text or a tensor is too large.", error);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        foreach (var tensor in ContiguousTensors())
            hash.AppendData(tensor.bytes);
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset())).CopyTo(FindChecksum(header, NoChecksum));
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (var tensor in ContiguousTensors())
                stream.Write(tensor.bytes);
        });
    }

    public void Dispose()
    {
        foreach (var tensor in Tensors.Values)
            tensor.Dispose();
    }

    // Includes its length in the first bytes.
    private static byte[] ReadHeader(Stream stream, string name)
    {
        Span<byte> start = stackalloc byte[LengthSize];
        start = start[..stream.ReadAtLeast(start, LengthSize, throwOnEndOfStream: false)];
        var length = start.Length < LengthSize ? -1 : BinaryPrimitives.ReadInt64LittleEndian(start);
        if (length < 0 || length > Math.Min(stream.Length - LengthSize, LargestHeader))
        {
            // The first bytes of a pickle, as a length, are larger than any header.
            if (start is [(byte)'P', (byte)'K', ..] or [0x80, >= 2 and <= 5, ..])
                throw new InvalidDataException(
                    $"{name} is a pickle of PyTorch's, which can run code and is not opened. In Python: {ConversionCode(name)}");
            throw Damaged(name, "its header does not fit into it");
        }

        var header = new byte[LengthSize + length];
        start.CopyTo(header);
        stream.ReadExactly(header.AsSpan(LengthSize));
        return header;
    }

    private static string ConversionCode(string name)
    {
        var target = Path.ChangeExtension(name, ".safetensors");
        return "import torch, safetensors.torch; "
            + $"safetensors.torch.save_file(torch.load({Quoted(name)}, weights_only=True), {Quoted(target)})";

        static string Quoted(string text) => $"'{text.Replace("\\", "\\\\").Replace("'", "\\'")}'";
    }

    private static (Dictionary<string, Entry> Entries, Dictionary<string, string> Metadata) ParseHeader(byte[] header, string name)
    {
        try
        {
            var properties = Deserialize<Dictionary<string, JsonElement>>(JsonElement.Parse(header.AsSpan(LengthSize)));
            var metadata = properties.Remove(MetadataKey, out var texts) ? Deserialize<Dictionary<string, string>>(texts) : [];
            var entries = properties.ToDictionary(property => property.Key, property => Deserialize<Entry>(property.Value));
            return entries.Values.All(entry => entry.IsSupported) && !metadata.ContainsValue(null!)
                ? (entries, metadata)
                : throw new JsonException();
        }
        catch (JsonException)
        {
            throw Damaged(name, "its header makes no sense");
        }

        static T Deserialize<T>(JsonElement json) => json.Deserialize<T>(HeaderFormat) ?? throw new JsonException();
    }

    // Every byte belongs to exactly one tensor.
    private static void EnsureContiguous(IEnumerable<KeyValuePair<string, Entry>> entries, long length, string name)
    {
        var position = 0L;
        foreach (var (key, entry) in entries)
        {
            if (entry.DataOffsets[0] != position)
                throw Damaged(name, $"the bytes of {key} overlap others or leave a gap");
            position = entry.DataOffsets[1];
        }

        if (position != length)
            throw Damaged(name, $"its tensors have {position} bytes, but it has {length}");
    }

    // Returns the checksum and replaces it by zeros. Files of PyTorch have none.
    private static string? ClearChecksum(byte[] header, Dictionary<string, string> metadata, string name)
    {
        if (!metadata.TryGetValue(ChecksumKey, out var checksum))
            return metadata.ContainsKey(ProgramKey) ? throw Damaged(name, "its checksum is missing") : null;
        var place = FindChecksum(header, checksum);
        if (place.Length != NoChecksum.Length)
            throw Damaged(name, "its checksum makes no sense");
        place.Fill((byte)'0');
        return checksum;
    }

    private static Span<byte> FindChecksum(byte[] header, string checksum)
    {
        var text = Encoding.UTF8.GetBytes($"\"{ChecksumKey}\":\"{checksum}\"");
        var start = header.AsSpan().IndexOf(text);
        return start < 0 ? [] : header.AsSpan(start + text.Length - 1 - checksum.Length, checksum.Length);
    }

    // Includes its length, and zeros in place of the checksum.
    private byte[] CreateHeader()
    {
        var metadata = Metadata.Where(text => text.Key is not (ProgramKey or ChecksumKey)).ToDictionary();
        metadata.Add(ProgramKey, Versions.Program);
        metadata.Add(ChecksumKey, NoChecksum);
        var properties = new Dictionary<string, object> { [MetadataKey] = metadata };
        var position = 0L;
        foreach (var (key, tensor) in Tensors)
        {
            var (begin, end) = (position, position += tensor.numel() * tensor.element_size());
            var dtype = Types.First(type => type.Value.Type == tensor.dtype).Key;
            properties.Add(key, new { dtype, tensor.shape, data_offsets = new[] { begin, end } });
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(properties, JsonFormat.Line);
        // Tensors begin at a multiple of eight.
        var header = new byte[(LengthSize + json.Length + LengthSize - 1) / LengthSize * LengthSize];
        header.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - LengthSize);
        json.CopyTo(header, LengthSize);
        return header;
    }

    private IEnumerable<Tensor> ContiguousTensors()
    {
        foreach (var tensor in Tensors.Values)
        {
            using var detached = tensor.detach();
            using var onCpu = detached.cpu();
            using var contiguous = onCpu.contiguous();
            yield return contiguous;
        }
    }

    private static InvalidDataException Damaged(string name, string reason) =>
        new($"{name} is not a safetensors file, or a damaged one: {reason}.");

    private sealed record Entry(string Dtype, long[] Shape, long[] DataOffsets)
    {
        // libtorch aborts the process on larger tensors, even on empty ones.
        public bool IsSupported => Types.TryGetValue(Dtype, out var type) && Shape.Length <= LargestRank && Shape.All(length => length >= 0)
            && Shape.Aggregate((double)type.Size, (product, length) => product * Math.Max(length, 1)) <= int.MaxValue
            && DataOffsets is [>= 0 and var begin, var end]
            && end - begin == Shape.Aggregate((long)type.Size, (product, length) => product * length);
    }
}
