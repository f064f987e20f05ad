using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

/// <summary>glibc's malloc, from which libtorch allocates tensors on Linux. Load libtorch first: it loads only with glibc.</summary>
internal static partial class Allocator
{
    // malloc.h
    private const int TrimThreshold = -1, MmapThreshold = -3, LargestMmapThreshold = 32 << 20;

    /// <summary>Keeps the memory of freed tensors for new ones. By default, the kernel gets it back and clears it.</summary>
    /// <remarks>
    /// Measured with two epochs of 300 steps of Residual on two cores: 80,000 page faults instead of 650,000, and 0.35 seconds in the
    /// kernel instead of 1.9. The first epoch took 0.8 times as long, the second 0.98 times.
    /// </remarks>
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
    /// <remarks>
    /// Measured with 400 steps of Residual on one thread, 14 runs each: peak memory of 272 to 294 MB with a call every 50 steps, 294 to
    /// 538 MB without. A call takes 1.5 milliseconds.
    /// </remarks>
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
