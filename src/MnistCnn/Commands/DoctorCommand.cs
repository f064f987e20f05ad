using System.CommandLine;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Reporting;
using MnistCnn.Reporting.Plots;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using TorchSharp;
using Architecture = MnistCnn.Networks.Architecture;

namespace MnistCnn.Commands;

/// <summary><c>doctor</c>: what this system has, and what is missing to train.</summary>
internal static class DoctorCommand
{
    private const int Images = 6400;

    public static Command Create()
    {
        var command = new Command("doctor", "Check that this system has everything that training needs.") { SharedOptions.Json };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parseResult)
    {
        HealthCheck[] findings = [.. Findings(parseResult)];
        DoctorReport.Write(findings, parseResult.GetValue(SharedOptions.Json));
        string[] missing = [.. findings.Where(finding => finding.Needed && !finding.Found).Select(finding => finding.Name)];
        return missing.Length == 0 ? 0 : throw new UserException($"This system lacks what a training needs: {string.Join(", ", missing)}.");
    }

    private static IEnumerable<HealthCheck> Findings(ParseResult parseResult)
    {
        yield return HealthCheck.Run("Program", () => $"MnistCnn {Versions.Program}, .NET {Environment.Version}");
        yield return HealthCheck.Run("System", System);
        var libtorch = HealthCheck.Run("libtorch", Libtorch);
        yield return libtorch;
        if (libtorch.Found)
        {
            var device = HealthCheck.Run("Device", () => Devices.Get(parseResult.GetValue(SharedOptions.Device) ?? "auto").ToString());
            yield return device;
            yield return HealthCheck.Run("GPU", Gpu, needed: false);
            yield return HealthCheck.Run("MNIST", Mnist);
            yield return HealthCheck.Run("Networks", ReadyNetworks, needed: false);
            if (device.Found)
                yield return HealthCheck.Run("Training", () => Training(device.Text));
        }

        yield return HealthCheck.Run("Plots", Plots, needed: false);
        yield return HealthCheck.Run("Folder", Folder);
        yield return HealthCheck.Run("MPI", () => MpiProcessGroup.Library, needed: false);
    }

    private static string System()
    {
        var vectors = Avx512F.IsSupported ? "AVX-512" : Avx2.IsSupported ? "AVX2" : AdvSimd.IsSupported ? "NEON" : "neither AVX2 nor NEON: slow";
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9;
        return FormattableString.Invariant(
            $"{RuntimeInformation.OSDescription} ({RuntimeInformation.RuntimeIdentifier}), cores: {Environment.ProcessorCount} ({vectors}), memory: {memory:F1} GB");
    }

    private static string Libtorch()
    {
        Allocator.KeepFreedMemory();
        NativeLibraries.Load();
        return $"{Versions.All["libtorch"]}, TorchSharp {Versions.All["torchsharp"]}, threads: {torch.get_num_threads()}";
    }

    private static string Gpu()
    {
        var device = Devices.Get(OperatingSystem.IsMacOS() ? "mps" : "cuda");
        return Devices.CardName(Math.Max(0, device.index), Devices.Driver) is { } name ? $"{name} ({device})" : $"{device}";
    }

    private static string Mnist()
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1, testLimit: 1);
        return $"{data.Found.Train:N0} training and {data.Found.Test:N0} test images, as their SHA-256 says";
    }

    private static string ReadyNetworks()
    {
        foreach (var name in ModelLocator.Bundled)
            TrainedNetwork.Load(ModelLocator.Find(null, Architecture.Find(name))).Dispose();
        return string.Join(", ", ModelLocator.Bundled);
    }

    // What a training does, but for its files.
    private static string Training(string device)
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: Images, testLimit: Evaluator.BatchSize);
        using var trainer = Trainer.Create(new TrainSettings { Epochs = 1 }, data, Devices.Get(device), ParallelSettings.Automatic);
        trainer.Fit([]);
        var speed = trainer.Progress.History[0].ImagesPerSecond;
        return $"{trainer.Settings.Architecture.Title} learns from {speed:N0} images a second: an epoch of MNIST in {data.Found.Train / speed:F0} s or less";
    }

    private static string Plots() =>
        $"text in {Typefaces.Main.FamilyName}; system font families for other characters: {Typefaces.SystemFamilies}";

    private static string Folder()
    {
        var folder = Path.GetFullPath(Directory.Exists("runs") ? "runs" : ".");
        AtomicFile.EnsureWritable(Path.Combine(folder, Path.GetRandomFileName()));
        var space = folder.StartsWith(@"\\", StringComparison.Ordinal) ? "" : $", free: {new DriveInfo(folder).AvailableFreeSpace / 1e9:F1} GB";
        return $"runs can be written to {folder}{space}";
    }
}
