using System.Diagnostics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MnistCnn.Benchmarks;

/// <summary>Description and speed of the machine.</summary>
public static class Machine
{
    private const int Size = 2048;

    public static string Processor { get; } = FindProcessor();

    /// <summary>Multiply-adds per second in a product of two 2048x2048 matrices of float32, with torch's threads.</summary>
    public static double MatrixProduct()
    {
        using var left = rand(Size, Size);
        using var right = rand(Size, Size);
        return Math.Pow(Size, 3) / Seconds(() => mm(left, right).Dispose());
    }

    public static double Seconds(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>Fraction of the cores' time that programs use for a second; 0 on systems without /proc/stat.</summary>
    public static double BusyFraction()
    {
        if (!File.Exists("/proc/stat"))
            return 0;
        var before = Times();
        Thread.Sleep(TimeSpan.FromSeconds(1));
        double[] used = [.. Times().Zip(before, (now, then) => now - then)];
        return 1 - (used[3] + used[4]) / used.Sum(); // idle, and idle while a disk works

        static double[] Times() =>
            [.. File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9].Select(double.Parse)];
    }

    private static string FindProcessor()
    {
        if (!File.Exists("/proc/cpuinfo"))
            return RuntimeInformation.ProcessArchitecture.ToString();
        var first = File.ReadLines("/proc/cpuinfo").TakeWhile(line => line.Length > 0)
            .Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries)).ToArray();
        return $"{Field("model name")}, family {Field("cpu family")}, model {Field("model")}";

        string Field(string key) => first.FirstOrDefault(line => line[0] == key)?.ElementAtOrDefault(1) ?? "unknown";
    }
}
