using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Jobs;

/// <summary>
/// Program and kind of machine that computed a result. All results in a folder have one origin: another version, device, instruction set
/// or number of threads rounds differently, and its results do not belong in the same confidence interval.
/// </summary>
/// <param name="Program">Version of the program.</param>
/// <param name="Libtorch">Version of libtorch.</param>
/// <param name="Device">Type of the device, without its index: cpu, cuda or mps.</param>
/// <param name="Processor">Instruction set of the processor: X64, Arm64.</param>
/// <param name="Threads">Threads of one operation on the CPU.</param>
internal sealed record Origin(string Program, string Libtorch, string Device, string Processor, int Threads)
{
    /// <summary>Returns the origin of results that this process computes.</summary>
    public static Origin Current(Device device) => Of(Versions.All, device.ToString(), get_num_threads());

    /// <summary>Returns the origin of a saved result.</summary>
    /// <param name="versions">Versions by name, see <see cref="Versions.All"/>.</param>
    /// <param name="device">Name of the device: cpu, cuda:0, mps.</param>
    public static Origin Of(IReadOnlyDictionary<string, string> versions, string device, int threads) => new(
        Program: versions.GetValueOrDefault("mnist_cnn", ""),
        Libtorch: versions.GetValueOrDefault("libtorch", ""),
        Device: device.Split(':')[0],
        Processor: versions.GetValueOrDefault("os", "").Split(' ')[^1],
        threads);
}
