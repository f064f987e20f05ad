using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Runtime;
using MnistCnn.Training;
using Architecture = MnistCnn.Networks.Architecture;

namespace MnistCnn.Runs;

internal static class SystemCheck
{
    private const int TrainImages = 6400;

    /// <summary>Runs the checks in order, including a short training if libtorch loads and the device exists.</summary>
    public static IEnumerable<HealthCheck> Run(string deviceName)
    {
        yield return HealthCheck.Run("Program", () => $"MnistCnn {Versions.Program}, .NET {Environment.Version}");
        yield return HealthCheck.Run("Install", () => Installation.Current, needed: false);
        yield return HealthCheck.Run("System", DescribeSystem);
        var libtorch = HealthCheck.Run("libtorch", LoadLibtorch);
        yield return libtorch;
        if (libtorch.Found)
        {
            var device = HealthCheck.Run("Device", () => Devices.Get(deviceName).ToString());
            yield return device;
            yield return HealthCheck.Run("GPU", FindGpu, needed: false);
            yield return HealthCheck.Run("Data", LoadData);
            yield return HealthCheck.Run("Networks", LoadBundledNetworks, needed: false);
            if (device.Found)
                yield return HealthCheck.Run("Training", () => Train(device.Text));
        }

        yield return HealthCheck.Run("Folder", FindFolder);
        yield return HealthCheck.Run("MPI", () => MpiProcessGroup.Library, needed: false);
    }

    private static string DescribeSystem()
    {
        var vectors = Avx512F.IsSupported ? "AVX-512"
            : Avx2.IsSupported ? "AVX2"
            : AdvSimd.IsSupported ? "NEON"
            : "neither AVX2 nor NEON: slow";
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9;
        return $"{RuntimeInformation.OSDescription} ({RuntimeInformation.RuntimeIdentifier}), "
            + $"cores: {Environment.ProcessorCount} ({vectors}), memory: {memory:F1} GB";
    }

    private static string LoadLibtorch()
    {
        NativeLibraries.Load();
        Allocator.KeepFreedMemory();
        return $"{Versions.All["libtorch"]}, TorchSharp {Versions.All["torchsharp"]}, threads: {torch.get_num_threads()}";
    }

    private static string FindGpu()
    {
        var device = Devices.Get(OperatingSystem.IsMacOS() ? "mps" : "cuda");
        var card = Devices.DescribeCard(Math.Max(0, device.index), Devices.Driver, Devices.Management);
        return card is null ? $"{device}" : $"{card} ({device})";
    }

    private static string LoadData()
    {
        using var data = DataReader.Load(DataReader.Default, trainLimit: 1, testLimit: 1);
        return data.Description;
    }

    private static string LoadBundledNetworks()
    {
        foreach (var name in ModelLocator.Bundled)
            ModelLocator.Load(name: null, Architecture.Find(name), torch.CPU).Dispose();
        return string.Join(", ", ModelLocator.Bundled);
    }

    // Does everything that a run does except for its files.
    private static string Train(string deviceName)
    {
        using var data = DataReader.Load(DataReader.Default, trainLimit: TrainImages, testLimit: Evaluator.BatchSize);
        var settings = new TrainSettings { Epochs = 1 };
        using var trainer = Trainer.Create(settings, data, Devices.Get(deviceName), ParallelSettings.Automatic);
        trainer.Fit([]);
        var speed = trainer.Progress.History[0].ImagesPerSecond;
        return $"{settings.Architecture.Title} trains on {speed:N0} images per second: "
            + $"an epoch of {data.Report.TrainImages:N0} takes {data.Report.TrainImages / speed:F0} s or less";
    }

    private static string FindFolder()
    {
        var folder = Path.GetFullPath(Directory.Exists("runs") ? "runs" : ".");
        AtomicFile.EnsureWritable(Path.Combine(folder, Path.GetRandomFileName()));
        var isShare = folder.StartsWith(@"\\", StringComparison.Ordinal); // DriveInfo supports drives only
        var space = isShare ? "" : $", free: {new DriveInfo(folder).AvailableFreeSpace / 1e9:F1} GB";
        return $"runs can be written to {folder}{space}";
    }
}
