using System.Runtime.InteropServices;

namespace MnistCnn.Runtime;

internal static partial class Devices
{
    public const string Names = "auto, cpu, cuda, cuda:N, mps";

    /// <summary>Library of the NVIDIA driver.</summary>
    public static string Driver => OperatingSystem.IsWindows() ? "nvcuda" : "libcuda.so.1";

    /// <summary>NVIDIA's management library, which comes with the driver.</summary>
    public static string Management => OperatingSystem.IsWindows() ? "nvml" : "libnvidia-ml.so.1";

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

    /// <summary>
    /// Returns the product name of a GPU, its memory and the version of the driver, which TorchSharp does not tell. Null without such a
    /// driver or GPU; memory and version are left out if the driver does not tell them.
    /// </summary>
    /// <param name="index">Number of the CUDA device, from 0.</param>
    public static unsafe string? DescribeCard(int index, string driver, string management)
    {
        int card;
        nuint memory;
        var text = stackalloc byte[256];
        var initialize = (delegate* unmanaged<uint, int>)Find(driver, "cuInit");
        var getCard = (delegate* unmanaged<int*, int, int>)Find(driver, "cuDeviceGet");
        var getName = (delegate* unmanaged<byte*, int, int, int>)Find(driver, "cuDeviceGetName");
        if (initialize is null || getCard is null || getName is null
            || initialize(0) != 0 || getCard(&card, index) != 0 || getName(text, 256, card) != 0)
            return null;
        var description = Marshal.PtrToStringUTF8((nint)text)!;

        var getMemory = (delegate* unmanaged<nuint*, int, int>)Find(driver, "cuDeviceTotalMem_v2");
        if (getMemory is not null && getMemory(&memory, card) == 0)
            description += $", {memory / 1e9:F1} GB";
        var start = (delegate* unmanaged<int>)Find(management, "nvmlInit_v2");
        var getVersion = (delegate* unmanaged<byte*, uint, int>)Find(management, "nvmlSystemGetDriverVersion");
        if (start is not null && getVersion is not null && start() == 0 && getVersion(text, 256) == 0)
            description += $", driver {Marshal.PtrToStringUTF8((nint)text)}";
        return description;

        static nint Find(string library, string function) =>
            NativeLibrary.TryLoad(library, out var handle) && NativeLibrary.TryGetExport(handle, function, out var address) ? address : 0;
    }

    /// <summary>Returns a copy on the CPU in float64, which MPS does not have.</summary>
    public static Tensor ToCpuFloat64(this Tensor tensor) => tensor.cpu().to_type(ScalarType.Float64);

    [GeneratedRegex(@"^(auto|cpu|cuda(:\d{1,2})?|mps)$")]
    private static partial Regex NamePattern();
}
