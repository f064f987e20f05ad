using CsCheck;
using MnistCnn.Data;

namespace MnistCnn.Tests.Data;

public sealed class IdxFileTests
{
    private const string Name = "images.idx";

    private static readonly Gen<(byte[] Values, int[] Dimensions)> Arrays =
        from dimensions in Gen.Int[1, 7].Array[1, 3]
        from values in Gen.Byte.Array[dimensions.Aggregate(1, (product, dimension) => product * dimension)]
        select (values, dimensions);

    [Fact]
    public void Raw_and_gzip_arrays_are_read_as_written() => Arrays.Sample(array =>
    {
        var file = SmallMnist.Idx(array.Values, array.Dimensions);
        foreach (var contents in new[] { file, SmallMnist.Gzip(file) })
        {
            var read = IdxFile.Parse(contents, Name, array.Dimensions.Length);
            Assert.Equal(array.Dimensions.Select(dimension => (long)dimension), read.Dimensions);
            Assert.Equal(array.Values, read.Values.ToArray());
        }
    });

    [Fact]
    public void Truncated_files_fail() => Arrays.Sample(array =>
    {
        var file = SmallMnist.Idx(array.Values, array.Dimensions);
        foreach (var contents in new[] { file, SmallMnist.Gzip(file) })
            for (var length = 0; length < contents.Length; length++)
                AssertRefused(contents[..length], array.Dimensions.Length);
    }, iter: 50);

    [Fact]
    public void Trailing_bytes_fail() => Gen.Select(Arrays, Gen.Byte.Array[1, 40]).Sample((array, trailing) =>
    {
        var file = SmallMnist.Idx(array.Values, array.Dimensions);
        AssertRefused([.. file, .. trailing], array.Dimensions.Length);
        AssertRefused([.. SmallMnist.Gzip(file), .. trailing], array.Dimensions.Length);
        AssertRefused(SmallMnist.Gzip([.. file, .. trailing]), array.Dimensions.Length);
    });

    [Fact]
    public void Changed_headers_fail() => Gen.Select(Arrays, Gen.Int[0, 15], Gen.Byte[1, 255]).Sample((array, at, change) =>
    {
        var file = SmallMnist.Idx(array.Values, array.Dimensions);
        file[at % (4 + 4 * array.Dimensions.Length)] ^= change;
        AssertRefused(file, array.Dimensions.Length);
        AssertRefused(SmallMnist.Gzip(file), array.Dimensions.Length);
    });

    // Some bytes of a gzip file do not matter: time, operating system, unused bits. A change there gives the same values; any other change
    // is an error, and never a crash.
    [Fact]
    public void A_change_inside_a_gzip_file_gives_no_other_values() => Gen.Select(Arrays, Gen.Int[0, 1000], Gen.Byte[1, 255]).Sample((
        array, at, change) =>
    {
        var contents = SmallMnist.Gzip(SmallMnist.Idx(array.Values, array.Dimensions));
        contents[at % contents.Length] ^= change;
        try
        {
            Assert.Equal(array.Values, IdxFile.Parse(contents, Name, array.Dimensions.Length).Values.ToArray());
        }
        catch (InvalidDataException error)
        {
            Assert.StartsWith(Name, error.Message);
        }
    }, iter: 2000);

    [Fact]
    public void Every_change_of_the_compressed_bytes_of_images_fails()
    {
        var pixels = new byte[20 * 28 * 28];
        var random = new Random(1);
        foreach (ref var pixel in pixels.AsSpan())
            pixel = (byte)random.Next(16);
        var contents = SmallMnist.Gzip(SmallMnist.Idx(pixels, 20, 28, 28));
        const int Header = 10;
        for (var at = Header; at < contents.Length; at += 7)
        {
            contents[at] ^= 0x10;
            AssertRefused(contents, 3);
            contents[at] ^= 0x10;
        }
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 })]
    [InlineData(new byte[] { 0, 0, 8, 3, 127, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 1 })]
    public void A_header_with_too_large_dimensions_costs_no_memory(byte[] contents)
    {
        foreach (var file in new[] { contents, SmallMnist.Gzip(contents) })
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            AssertRefused(file, 3);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
        }
    }

    [Fact]
    public void A_gzip_file_with_a_too_large_length_costs_no_memory()
    {
        var contents = SmallMnist.Gzip(SmallMnist.Idx([1, 2, 3], 3));
        contents.AsSpan(contents.Length - 4).Fill(0x7f);
        var before = GC.GetAllocatedBytesForCurrentThread();
        AssertRefused(contents, 1);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Theory]
    [InlineData(new byte[] { 137, 80, 78, 71, 13, 10, 26, 10 }, "magic number")]
    [InlineData(new byte[] { 0, 0, 13, 1, 0, 0, 0, 1, 0 }, "type 0x0d")]
    [InlineData(new byte[] { 0, 0, 8, 1, 0, 0, 0, 1, 0 }, "1 dimensions; it must have 3")]
    [InlineData(new byte[] { 0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28 }, "empty")]
    public void The_message_names_the_error(byte[] contents, string part) =>
        Assert.Contains(part, Assert.Throws<InvalidDataException>(() => IdxFile.Parse(contents, Name, 3)).Message);

    private static void AssertRefused(byte[] contents, int rank)
    {
        var error = Assert.Throws<InvalidDataException>(() => IdxFile.Parse(contents, Name, rank));
        Assert.StartsWith(Name, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }
}
