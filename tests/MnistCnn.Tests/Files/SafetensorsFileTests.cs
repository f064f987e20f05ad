using System.Buffers.Binary;
using System.Text;
using CsCheck;
using MnistCnn.Files;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Files;

public sealed class SafetensorsFileTests : IDisposable
{
    private const string Name = "a.safetensors";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_written_file_is_read_back()
    {
        ScalarType[] types =
            [ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float64, ScalarType.Int64, ScalarType.Byte];
        foreach (var type in types)
        {
            var tensors = new Dictionary<string, Tensor>
            {
                ["a.weight"] = arange(6).reshape(2, 3).to_type(type),
                ["transposed"] = arange(6).reshape(2, 3).to_type(type).t(),
                ["scalar"] = tensor(7).to_type(type),
                ["empty"] = empty([0, 3], type),
            };
            new SafetensorsFile(tensors, new Dictionary<string, string> { ["words"] = "äöü \" \n" }).Write(folder[Name]);
            using var read = SafetensorsFile.Read(folder[Name]);
            Assert.Equal("äöü \" \n", read.Metadata["words"]);
            Assert.Equal(tensors.Keys, read.Tensors.Keys);
            foreach (var (key, expected) in tensors)
            {
                Assert.Equal(type, read.Tensors[key].dtype);
                Assert.Equal(expected.shape, read.Tensors[key].shape);
                Assert.Equal(expected.contiguous().bytes.ToArray(), read.Tensors[key].bytes.ToArray());
            }
        }

        Assert.Equal([Name], folder.Contents);
    }

    [Fact]
    public void An_unreadable_file_is_not_written()
    {
        var metadata = new Dictionary<string, string>();
        AssertNotWritten(new SafetensorsFile(
            new Dictionary<string, Tensor>(), new Dictionary<string, string> { ["words"] = new('a', 16 << 20) }));
        foreach (var shape in new long[][] { [1L << 29], [1, 1, 1, 1, 1, 1, 1, 1, 1], [0, 1L << 32] })
            AssertNotWritten(new SafetensorsFile(new Dictionary<string, Tensor> { ["a"] = empty(shape, device: META) }, metadata));

        void AssertNotWritten(SafetensorsFile file)
        {
            Assert.Contains("could not be read again", Assert.Throws<IOException>(() => file.Write(folder[Name])).Message);
            Assert.Empty(folder.Contents);
        }
    }

    // The example of the format's documentation.
    [Fact]
    public void The_layout_is_that_of_the_specification()
    {
        var header = """{"test":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
        var file = File(header, [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]);
        using var read = SafetensorsFile.Read(new MemoryStream(file), Name);
        Assert.Equal([1f, 2f], read.Tensors["test"].data<float>().ToArray());
        Assert.Empty(read.Metadata);
    }

    [Fact]
    public void Truncated_files_and_trailing_bytes_are_refused()
    {
        var file = Example();
        for (var length = 0; length < file.Length; length++)
            AssertRefused(file[..length]);
        AssertRefused([.. file, 0]);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0,2147483647,2147483647,2147483647],"data_offsets":[0,0]},"""
        + """ "b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":[[[[[[[[]]]]]]]]}""")]
    [InlineData("""{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{")]
    [InlineData("")]
    public void Headers_with_wrong_entries_are_refused(string header) => AssertRefused(File(header, new byte[8]));

    // A checkpoint of a 1.5 GB network. The file is truncated, to keep the test fast: only the total size is checked.
    [Fact]
    public void Tensors_may_begin_and_end_beyond_two_gigabytes()
    {
        const string Header =
            """{"a":{"dtype":"U8","shape":[1500000000],"data_offsets":[0,1500000000]},"""
            + """ "b":{"dtype":"U8","shape":[1500000000],"data_offsets":[1500000000,3000000000]}}""";
        var error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Read(new MemoryStream(File(Header, new byte[8])), "large"));
        Assert.EndsWith("its tensors have 3000000000 bytes, but it has 8.", error.Message);
    }

    [Fact]
    public void A_wrong_header_length_allocates_no_memory()
    {
        var file = Example();
        foreach (var length in new[] { 0, 1, file.Length, int.MaxValue, long.MaxValue, -1 })
        {
            BinaryPrimitives.WriteInt64LittleEndian(file, length);
            var before = GC.GetAllocatedBytesForCurrentThread();
            AssertRefused(file);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
        }
    }

    [Fact]
    public void Randomly_damaged_headers_are_refused_or_read()
    {
        var example = Example();
        var headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(example);
        Gen.Select(Gen.Int[0, headerLength + 7], Gen.Byte).Array[1, 4].Sample(changes =>
        {
            var file = (byte[])example.Clone();
            foreach (var (at, value) in changes)
                file[at] = value;
            AssertRefusedOrRead(file);
        }, iter: 5000);
    }

    // Well-formed JSON with other numbers and types.
    [Fact]
    public void Random_headers_are_refused_or_read()
    {
        var numbers = OneOf(
            "0", "1", "2", "4", "8", "12", "24", "-1", "1e9", "2147483647", "2147483648", "9223372036854775807", "99999999999999999999",
            "1.5", "null", "\"4\"", "[]", "{}");
        var types = OneOf("F32", "F64", "F16", "BF16", "U8", "BOOL", "I64", "", "F128", "f32");
        var entry = Gen.Select(types, numbers.Array[0, 4], numbers.Array[0, 3]);
        entry.Array[0, 3].Sample(entries =>
        {
            var texts = entries.Select((entry, index) =>
            {
                var (dtype, shape, offsets) = (entry.Item1, string.Join(',', entry.Item2), string.Join(',', entry.Item3));
                return $$"""
                    "t{{index % 2}}":{"dtype":"{{dtype}}","shape":[{{shape}}],"data_offsets":[{{offsets}}]}
                    """;
            });
            AssertRefusedOrRead(File("{" + string.Join(',', texts) + "}", new byte[24]));
        }, iter: 5000);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'P', (byte)'K', 3, 4, 0, 0, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0x80, 2, 0x8a, 10, 0, 0, 0, 0, 0, 0 })]
    public void A_pickle_is_not_opened(byte[] contents) =>
        Assert.Contains(
            "pickle", Assert.Throws<InvalidDataException>(() => SafetensorsFile.Read(new MemoryStream(contents), Name)).Message);

    // These lengths begin like a pickle (0x80 0x02 to 0x05) or a ZIP archive (PK).
    [Theory]
    [InlineData(0x280)]
    [InlineData(0x380)]
    [InlineData(0x480)]
    [InlineData(0x580)]
    [InlineData(0x4B50)]
    public void Header_lengths_that_look_like_a_pickle_are_accepted(int length)
    {
        var header = """{"__metadata__":{"a":"b"},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""";
        using var file = SafetensorsFile.Read(new MemoryStream(File(header.PadRight(length), [7])), Name);
        Assert.Equal("b", file.Metadata["a"]);
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(index => texts[index]);

    private static byte[] File(string header, byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. data];
    }

    private static byte[] Example() => File(
        """{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"""
        + """ "y":{"dtype":"F16","shape":[4],"data_offsets":[8,16]}}""",
        [.. Enumerable.Range(1, 16).Select(value => (byte)value)]);

    private static void AssertRefused(byte[] contents)
    {
        var error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Read(new MemoryStream(contents), Name).Dispose());
        Assert.StartsWith(Name, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static void AssertRefusedOrRead(byte[] contents)
    {
        try
        {
            using var file = SafetensorsFile.Read(new MemoryStream(contents), Name);
            Assert.InRange(file.Tensors.Values.Sum(tensor => tensor.numel() * tensor.element_size()), 0, contents.Length);
        }
        catch (InvalidDataException error)
        {
            Assert.StartsWith(Name, error.Message);
        }
    }
}
