using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace MnistCnn.Runtime;

/// <summary>The devices that a network can run on.</summary>
internal static partial class Devices
{
    /// <summary>How the names of devices look, for help and messages.</summary>
    public const string Names = "auto, cpu, cuda, cuda:N, mps";

    /// <summary>Whether this is the name of a device, available or not.</summary>
    public static bool IsName(string name) => NamePattern().IsMatch(name);

    /// <summary>The device of that name; "auto" takes CUDA, then MPS, then the CPU.</summary>
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

    /// <summary>Returns a copy on the CPU in float64, which MPS does not have.</summary>
    public static Tensor ToCpuFloat64(this Tensor tensor) => tensor.cpu().to_type(ScalarType.Float64);

    [GeneratedRegex(@"^(auto|cpu|cuda(:\d{1,2})?|mps)$")]
    private static partial Regex NamePattern();
}
