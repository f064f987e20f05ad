using System.Text;
using MnistCnn.Files;

namespace MnistCnn.Tests.Files;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Writing_creates_or_replaces_a_file_and_leaves_no_temporary_file()
    {
        Write("first");
        Write("second");
        Assert.Equal("second", File.ReadAllText(folder["file"]));
        Assert.Equal(["file"], folder.Contents);
    }

    [Fact]
    public void A_failed_write_leaves_the_old_file()
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
    public void EnsureWritable_leaves_no_file()
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
    public void Writing_through_a_link_replaces_its_target()
    {
        File.WriteAllText(folder["file"], "old");
        try
        {
            File.CreateSymbolicLink(folder["link"], folder["file"]);
        }
        catch (Exception error) when (OperatingSystem.IsWindows() && error is IOException or UnauthorizedAccessException)
        {
            return; // Windows lets only some users create links
        }

        AtomicFile.Write(folder["link"], stream => stream.Write("new"u8));
        Assert.Equal("new", File.ReadAllText(folder["file"]));
        Assert.Equal(folder["file"], new FileInfo(folder["link"]).LinkTarget);
        Assert.Equal(["file", "link"], folder.Contents);
    }

    // For root, a rename would replace a device by a file.
    [Fact]
    public void Devices_and_pipes_are_not_replaced()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no files beside their devices");
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
    public void Files_on_a_RAM_disk_are_written_and_replaced()
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
