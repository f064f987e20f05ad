namespace MnistCnn.Runtime;

internal static class PeakMemory
{
    private static long reported;

    /// <summary>
    /// Returns the peak since the last call in bytes. Windows cannot reset its peak, so the result is null there if the peak is not higher
    /// than at the last call. macOS reports no peak: always null.
    /// </summary>
    public static long? SinceLastCall()
    {
        using var process = Process.GetCurrentProcess();
        var peak = process.PeakWorkingSet64;
        var isNew = peak > reported;
        // Source: proc(5), clear_refs, since Linux 4.0.
        var isReset = OperatingSystem.IsLinux() && FileErrors.Try(() => File.WriteAllText("/proc/self/clear_refs", "5"));
        reported = isReset ? 0 : peak;
        return isNew ? peak : null;
    }
}
