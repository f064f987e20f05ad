using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

/// <summary>glibc's malloc, from which libtorch allocates tensors on Linux. Load libtorch first: it loads only with glibc.</summary>
/// <remarks>docs/developers/performance-notes.md has the gain in time and memory.</remarks>
internal static partial class Allocator
{
    // malloc.h
    private const int TrimThreshold = -1, MmapThreshold = -3, LargestMmapThreshold = 32 << 20;

    /// <summary>Keeps the memory of freed tensors for new ones. By default, the kernel gets it back and clears it.</summary>
    public static void KeepFreedMemory()
    {
        if (!OperatingSystem.IsLinux())
            return;
        _ = SetOption(MmapThreshold, LargestMmapThreshold);
        _ = SetOption(TrimThreshold, 512 << 20);
    }

    /// <summary>
    /// Returns freed memory to the kernel, including tensors that wait for a finalizer. Call it between training and evaluation, which
    /// need blocks of different sizes.
    /// </summary>
    public static void ReturnFreedMemory()
    {
        if (!OperatingSystem.IsLinux())
            return;
        GC.Collect(1);
        GC.WaitForPendingFinalizers();
        _ = Trim(0);
    }

    /// <summary>
    /// Frees the native scalars of TorchSharp's optimizer, three per parameter and step, which only a finalizer frees. Call it every few
    /// steps: the garbage collector seldom runs for objects of a few bytes, and scalars between freed tensors fragment the heap.
    /// </summary>
    public static void FreeScalars()
    {
        if (OperatingSystem.IsLinux())
            GC.Collect(0);
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int parameter, int value);
}
