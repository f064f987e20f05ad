using System.Runtime.InteropServices;
using MnistCnn.Runtime;

namespace MnistCnn.Tests.Runtime;

public sealed partial class OpenMPTests
{
    // What libgomp reads when it loads; .NET's own environment is a copy.
    [Fact]
    public void Threads_that_wait_give_up_their_core_soon()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have other OpenMPs");
        NativeLibraries.Load();
        Assert.Equal("1000", Marshal.PtrToStringUTF8(GetVariable("GOMP_SPINCOUNT")));
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial IntPtr GetVariable(string name);
}
