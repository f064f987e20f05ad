namespace MnistCnn.Runtime;

internal static class TorchEnvironment
{
    /// <summary>Loads libtorch, sets its number of threads and returns the device.</summary>
    /// <param name="deviceName">As in <see cref="Devices.Names"/>; null for "auto".</param>
    /// <param name="threads">Null for one thread per core, shared evenly by <paramref name="processes"/> on this machine.</param>
    public static torch.Device Start(string? deviceName, int? threads, int processes = 1)
    {
        NativeLibraries.Load();
        Allocator.KeepFreedMemory();
        if (threads is null && processes > 1)
            threads = Math.Max(1, Environment.ProcessorCount / processes);
        if (threads is { } count)
            torch.set_num_threads(count);
        return Devices.Get(deviceName ?? "auto");
    }
}
