using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace MnistCnn.Benchmarks;

/// <summary>What the machine is, and what it could do.</summary>
public static class Machine
{
    private const int Size = 2048;
    private const int Chains = 12;

    /// <summary>Cores, processor and system.</summary>
    public static string Description =>
        $"{Environment.ProcessorCount} cores ({Processor()}), {RuntimeInformation.OSDescription}, .NET {Environment.Version}";

    /// <summary>Multiply-adds a second of a product of two 2048x2048 matrices of float32, with torch's threads.</summary>
    public static double MatrixProduct()
    {
        using var left = rand(Size, Size);
        using var right = rand(Size, Size);
        return Math.Pow(Size, 3) / Seconds(() => mm(left, right).Dispose());
    }

    /// <summary>
    /// Multiply-adds of float32 a second that all cores together do in a loop that touches no memory: what no program exceeds.
    /// </summary>
    public static double FusedMultiplyAdds()
    {
        const int rounds = 20_000_000;
        var lanes = Vector512.IsHardwareAccelerated ? Vector512<float>.Count : Vector256<float>.Count;
        var seconds = Seconds(() => Parallel.For(
            0,
            Environment.ProcessorCount,
            _ => Keep(Vector512.IsHardwareAccelerated ? Loop512(rounds) : Loop256(rounds))));
        return (double)rounds * Chains * lanes * Environment.ProcessorCount / seconds;
    }

    /// <summary>How long something takes.</summary>
    public static double Seconds(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalSeconds;
    }

    // Chains that do not wait for each other, as many as the registers hold and the processor can have under way.
    private static float Loop256(int rounds)
    {
        var (factor, term) = (Vector256.Create(0.5f), Vector256.Create(1f));
        Vector256<float> a = term, b = term, c = term, d = term, e = term, f = term, g = term, h = term, i = term, j = term, k = term, l = term;
        for (var round = 0; round < rounds; round++)
        {
            a = Vector256.FusedMultiplyAdd(a, factor, term);
            b = Vector256.FusedMultiplyAdd(b, factor, term);
            c = Vector256.FusedMultiplyAdd(c, factor, term);
            d = Vector256.FusedMultiplyAdd(d, factor, term);
            e = Vector256.FusedMultiplyAdd(e, factor, term);
            f = Vector256.FusedMultiplyAdd(f, factor, term);
            g = Vector256.FusedMultiplyAdd(g, factor, term);
            h = Vector256.FusedMultiplyAdd(h, factor, term);
            i = Vector256.FusedMultiplyAdd(i, factor, term);
            j = Vector256.FusedMultiplyAdd(j, factor, term);
            k = Vector256.FusedMultiplyAdd(k, factor, term);
            l = Vector256.FusedMultiplyAdd(l, factor, term);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    private static float Loop512(int rounds)
    {
        var (factor, term) = (Vector512.Create(0.5f), Vector512.Create(1f));
        Vector512<float> a = term, b = term, c = term, d = term, e = term, f = term, g = term, h = term, i = term, j = term, k = term, l = term;
        for (var round = 0; round < rounds; round++)
        {
            a = Vector512.FusedMultiplyAdd(a, factor, term);
            b = Vector512.FusedMultiplyAdd(b, factor, term);
            c = Vector512.FusedMultiplyAdd(c, factor, term);
            d = Vector512.FusedMultiplyAdd(d, factor, term);
            e = Vector512.FusedMultiplyAdd(e, factor, term);
            f = Vector512.FusedMultiplyAdd(f, factor, term);
            g = Vector512.FusedMultiplyAdd(g, factor, term);
            h = Vector512.FusedMultiplyAdd(h, factor, term);
            i = Vector512.FusedMultiplyAdd(i, factor, term);
            j = Vector512.FusedMultiplyAdd(j, factor, term);
            k = Vector512.FusedMultiplyAdd(k, factor, term);
            l = Vector512.FusedMultiplyAdd(l, factor, term);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    // Otherwise the compiler might see that nobody asks for the sum.
    private static void Keep(float sum)
    {
        if (float.IsNaN(sum))
            throw new InvalidOperationException("The loop went wrong.");
    }

    private static string Processor()
    {
        if (!File.Exists("/proc/cpuinfo"))
            return RuntimeInformation.ProcessArchitecture.ToString();
        var lines = File.ReadLines("/proc/cpuinfo").TakeWhile(line => line.Length > 0).Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries)).ToArray();
        string Of(string key) => lines.FirstOrDefault(line => line[0] == key)?.ElementAtOrDefault(1) ?? "unknown";
        return $"{Of("model name")}, family {Of("cpu family")}, model {Of("model")}";
    }
}
