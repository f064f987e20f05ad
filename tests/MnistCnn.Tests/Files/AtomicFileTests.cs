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

    [Fact]
    public void A_link_stays_and_its_file_is_replaced()
    {
        File.WriteAllText(folder["file"], "old");
        try
        {
            File.CreateSymbolicLink(folder["link"], folder["file"]);
        }
        catch (Exception error) when (OperatingSystem.IsWindows() && error is IOException or UnauthorizedAccessException)
        {
            return; // Windows lets only some people make links
        }

        AtomicFile.Write(folder["link"], stream => stream.Write("new"u8));
        Assert.Equal("new", File.ReadAllText(folder["file"]));
        Assert.Equal(folder["file"], new FileInfo(folder["link"]).LinkTarget);
        Assert.Equal(["file", "link"], folder.Contents);
    }

    // As root, a rename would put a file in the place of a device.
    [Fact]
    public void A_device_or_a_pipe_is_not_replaced()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems make no file beside their devices");
        using (var make = System.Diagnostics.Process.Start("mkfifo", [folder["pipe"]]))
            make.WaitForExit();
        File.CreateSymbolicLink(folder["link"], "/dev/full");
        foreach (var path in new[] { "/dev/null", "/dev/shm/../full", folder["link"], folder["pipe"] })
        {
            Assert.Contains("is not a regular file", Assert.Throws<IOException>(() => AtomicFile.EnsureWritable(path)).Message);
            Assert.Throws<IOException>(() => AtomicFile.Write(path, _ => { }));
        }

        Assert.ThrowsAny<IOException>(() => AtomicFile.EnsureWritable("/proc/self/x"));
        Assert.Equal(["link", "pipe"], folder.Contents);
    }

    [Fact]
    public void A_file_in_the_memory_of_the_system_is_written_and_replaced()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists("/dev/shm"), "the system has no RAM disk among its devices");
        var path = Path.Combine("/dev/shm", Path.GetRandomFileName(), "file");
        try
        {
            AtomicFile.EnsureWritable(path);
            foreach (var text in new[] { "", "new" })
                AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
            Assert.Equal("new", File.ReadAllText(path));
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }
}
