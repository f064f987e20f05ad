using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

/// <summary>The threads that share one operation of libtorch's on the CPU.</summary>
internal static partial class OpenMP
{
    private const string SpinCount = "GOMP_SPINCOUNT";

    /// <summary>
    /// Lets threads that wait for each other look for a short while only, and then sleep. By itself libgomp lets them look for
    /// milliseconds, and where two trainings share the cores, each keeps the other from what it looks for. To be called before
    /// libgomp loads; what the user has set stays.
    /// </summary>
    /// <remarks>
    /// Not by <see cref="Environment.SetEnvironmentVariable(string, string)"/>, which native code does not see. Of other systems'
    /// OpenMP nothing is known to need this.
    /// </remarks>
    public static void SpinBriefly()
    {
        if (!OperatingSystem.IsLinux())
            return;
        string[] usersOwn = [SpinCount, "OMP_WAIT_POLICY"];
        if (Array.TrueForAll(usersOwn, name => Environment.GetEnvironmentVariable(name) is null))
            Set(SpinCount, "1000", 1);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Set(string name, string value, int overwrite);
}
