using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace MnistCnn.Runtime;

/// <summary>The devices that a network can run on.</summary>
internal static partial class Devices
{
    /// <summary>Device names, for help and messages.</summary>
    public const string Names = "auto, cpu, cuda, cuda:N, mps";

    /// <summary>Library of the NVIDIA driver.</summary>
    public static string Driver => OperatingSystem.IsWindows() ? "nvcuda" : "libcuda.so.1";

    /// <summary>Returns whether a name has the form of a device name, available or not.</summary>
    public static bool IsName(string name) => NamePattern().IsMatch(name);

    /// <summary>Returns the device with that name; "auto" prefers CUDA, then MPS, then the CPU.</summary>
    /// <exception cref="UserException">This machine or this build of the program has no such device.</exception>
    public static Device Get(string name)
    {
        if (name == "auto")
            name = cuda.is_available() ? "cuda" : mps_is_available() ? "mps" : "cpu";

        if (name.StartsWith("cuda", StringComparison.Ordinal))
        {
            if (!cuda.is_available())
                throw new UserException(
                    $"The device {name} is not available: it needs an NVIDIA GPU with its driver, and a build with -p:TorchBackend=cuda.");
            if (device(name).index >= cuda.device_count())
                throw new UserException($"The device {name} is not available: there are {cuda.device_count()}, counted from cuda:0.");
        }

        if (name == "mps" && !mps_is_available())
            throw new UserException("The device mps is not available: it needs macOS on an Apple processor.");

        return InitializeDevice(device(name));
    }

    /// <summary>Returns the product name of a GPU, which TorchSharp does not tell, or null without such a driver or GPU.</summary>
    /// <param name="index">Number of the CUDA device, from 0.</param>
    /// <param name="driver">Usually <see cref="Driver"/>.</param>
    public static unsafe string? CardName(int index, string driver)
    {
        if (!NativeLibrary.TryLoad(driver, out var library)
            || !NativeLibrary.TryGetExport(library, "cuInit", out var initialize)
            || !NativeLibrary.TryGetExport(library, "cuDeviceGet", out var getCard)
            || !NativeLibrary.TryGetExport(library, "cuDeviceGetName", out var getName))
            return null;
        int card;
        var name = stackalloc byte[256];
        return ((delegate* unmanaged<uint, int>)initialize)(0) == 0
            && ((delegate* unmanaged<int*, int, int>)getCard)(&card, index) == 0
            && ((delegate* unmanaged<byte*, int, int, int>)getName)(name, 256, card) == 0
            ? Marshal.PtrToStringUTF8((nint)name)
            : null;
    }

    /// <summary>Returns a copy on the CPU in float64, which MPS does not have.</summary>
    public static Tensor ToCpuFloat64(this Tensor tensor) => tensor.cpu().to_type(ScalarType.Float64);

    [GeneratedRegex(@"^(auto|cpu|cuda(:\d{1,2})?|mps)$")]
    private static partial Regex NamePattern();
}
