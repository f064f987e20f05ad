using System.Text;
using MnistCnn.Files;

namespace MnistCnn.Tests.Files;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_file_is_written_and_replaced_and_nothing_else_is_left()
    {
        Write("first");
        Write("second");
        Assert.Equal("second", File.ReadAllText(folder["file"]));
        Assert.Equal(["file"], folder.Contents);
    }

    [Fact]
    public void A_write_that_fails_leaves_the_old_file()
    {
        Write("first");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(folder["file"], stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException();
        }));
        Assert.Equal("first", File.ReadAllText(folder["file"]));
        Assert.Equal(["file"], folder.Contents);
    }

    [Fact]
    public void A_path_is_tried_without_a_trace()
    {
        AtomicFile.EnsureWritable(folder["file"]);
        Assert.Empty(folder.Contents);
        Directory.CreateDirectory(folder["folder"]);
        Assert.Throws<IOException>(() => AtomicFile.EnsureWritable(folder["folder"]));
        Write("a file");
        Assert.ThrowsAny<IOException>(() => AtomicFile.EnsureWritable(Path.Combine(folder["file"], "below")));
    }

    private void Write(string text) => AtomicFile.Write(folder["file"], stream => stream.Write(Encoding.UTF8.GetBytes(text)));
}
