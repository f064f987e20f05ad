using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

internal static partial class NativeLibraries
{
    private const string SpinCount = "GOMP_SPINCOUNT";

    /// <summary>
    /// Loads libtorch and LibTorchSharp. Call it before any member of TorchSharp: if they do not load, TorchSharp 0.107 copies half a
    /// gigabyte beside the program and then reports only a missing package.
    /// </summary>
    /// <exception cref="UserException">An environment variable for them has an invalid value.</exception>
    public static void Load()
    {
        EnsureThreadCounts();
        LimitSpinning();
        var assembly = typeof(torch).Assembly;
        try
        {
            if (!NativeLibrary.TryLoad("torch_cuda", assembly, null, out _))
                NativeLibrary.Load("torch_cpu", assembly, null);
            NativeLibrary.Load("LibTorchSharp", assembly, null);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            var reason = Reason(error.Message).TrimEnd('.');
            throw new DllNotFoundException(
                $"libtorch does not load on this system ({RuntimeInformation.RuntimeIdentifier}): {reason}. {Advice(reason)}", error);
        }
    }

    private static string Advice(string reason) => OperatingSystem.IsWindows()
        ? "Install Microsoft's Visual C++ Redistributable: https://learn.microsoft.com/cpp/windows/latest-supported-vc-redist"
        : reason.Contains("GLIBCXX") ? "Build with this program's Directory.Build.targets, or install the libstdc++ of GCC 13 or later."
        : "It is there for Linux x64 with glibc, macOS arm64, and Windows x64 and arm64.";

    /// <summary>
    /// Shortens the busy-wait of libgomp's threads from milliseconds to 1,000 rounds, because it starves a second training on the same
    /// cores. Settings of the user stay. libgomp reads the variable when it loads, and not from .NET's copy of the environment.
    /// </summary>
    private static void LimitSpinning()
    {
        string[] settings = [SpinCount, "OMP_WAIT_POLICY"];
        if (OperatingSystem.IsLinux() && settings.All(name => Environment.GetEnvironmentVariable(name) is null))
            SetVariable(SpinCount, "1000", overwrite: 1);
    }

    // libgomp takes one number of threads per level of nested loops. It would print an error of its own and ignore another value.
    private static void EnsureThreadCounts()
    {
        const string name = "OMP_NUM_THREADS";
        if (Environment.GetEnvironmentVariable(name) is { } text
            && !text.Split(',').All(count => int.TryParse(count, CultureInfo.InvariantCulture, out var threads) && threads > 0))
            throw new UserException($"The environment variable {name} is '{text}', which is no number of threads: change or unset it.");
    }

    // .NET tries several names, with a line about each; one line is about a file that exists and does not load.
    private static string Reason(string message)
    {
        var lines = message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.FirstOrDefault(line => line.Contains(".so") && !line.Contains("No such file")) ?? lines[0];
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
