using System.Runtime.InteropServices;
using TorchSharp;

namespace MnistCnn.Runtime;

/// <summary>The native half of TorchSharp.</summary>
internal static class NativeLibraries
{
    /// <summary>
    /// Loads libtorch and LibTorchSharp. To be called before anything else of TorchSharp: where TorchSharp fails to load
    /// them itself, it first copies half a gigabyte beside the program and then says only that a package is missing.
    /// </summary>
    /// <exception cref="DllNotFoundException">They do not load.</exception>
    public static void Load()
    {
        OpenMP.SpinBriefly();
        var assembly = typeof(torch).Assembly;
        try
        {
            if (!NativeLibrary.TryLoad("torch_cuda", assembly, null, out _))
                NativeLibrary.Load("torch_cpu", assembly, null);
            NativeLibrary.Load("LibTorchSharp", assembly, null);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw new DllNotFoundException(
                $"libtorch does not load on this system ({RuntimeInformation.RuntimeIdentifier}): {Reason(error.Message).TrimEnd('.')}. {Advice}", error);
        }
    }

    private static string Advice => OperatingSystem.IsWindows()
        ? "Install Microsoft's Visual C++ Redistributable: https://learn.microsoft.com/cpp/windows/latest-supported-vc-redist"
        : "It is there for Linux x64 with glibc, macOS arm64, and Windows x64 and arm64.";

    // .NET tries several names and tells of each; the interesting line is about a file that is there but does not load.
    private static string Reason(string message)
    {
        var lines = message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.FirstOrDefault(line => !line.Contains("No such file", StringComparison.Ordinal) && line.Contains(".so", StringComparison.Ordinal))
            ?? lines[0];
    }
}
