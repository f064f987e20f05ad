namespace MnistCnn.Runtime;

/// <summary>Peak memory of this process.</summary>
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
        reported = TryReset() ? 0 : peak;
        return isNew ? peak : null;
    }

    // Source: proc(5), clear_refs, since Linux 4.0.
    private static bool TryReset()
    {
        if (!OperatingSystem.IsLinux())
            return false;
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
