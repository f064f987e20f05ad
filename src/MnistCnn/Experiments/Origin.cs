using MnistCnn.Runtime;
using static TorchSharp.torch;

namespace MnistCnn.Experiments;

/// <summary>
/// Program and kind of machine that computed a result. An experiment or a sweep holds results of one origin only: another version, device
/// or instruction set rounds differently, and its results do not belong in the same interval.
/// </summary>
/// <param name="Program">Version of the program.</param>
/// <param name="Libtorch">Version of libtorch.</param>
/// <param name="Device">Type of the device, without its number: cpu, cuda or mps.</param>
/// <param name="Processor">Instruction set of the processor: X64, Arm64.</param>
internal sealed record Origin(string Program, string Libtorch, string Device, string Processor)
{
    /// <summary>Origin of what this process computes on a device.</summary>
    public static Origin Of(Device device) => Of(Versions.All, device.ToString());

    /// <summary>Origin of a saved result.</summary>
    /// <param name="versions">As <see cref="Versions.All"/>.</param>
    /// <param name="device">Name of the device: cpu, cuda:0, mps.</param>
    public static Origin Of(IReadOnlyDictionary<string, string> versions, string device) => new(
        versions.GetValueOrDefault("mnist_cnn", ""),
        versions.GetValueOrDefault("libtorch", ""),
        device.Split(':')[0],
        versions.GetValueOrDefault("os", "").Split(' ')[^1]);
}
