using System.Diagnostics;

namespace MnistCnn.Runtime;

/// <summary>Peak memory of one piece of work after another in this process.</summary>
internal static class PeakMemory
{
    private static long reported;

    /// <summary>
    /// Returns the peak memory of the process since the last call, in bytes, or null if the system does not say. macOS never does. If
    /// the peak cannot be reset, as on Windows, it is known only if it is higher than at the last call.
    /// </summary>
    public static long? Take()
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
