using System.Text.Json;
using MnistCnn.Files;

namespace MnistCnn.Tests;

/// <summary>Reference values of PyTorch for a network with seed 1; written by tests/reference/article.py.</summary>
public sealed record Fixture(long Seed, float[][] TestLogits, double[] TrainLosses, long[][] EpochOrders)
{
    /// <summary>
    /// How far a new weight may be from PyTorch's on Linux. There, libtorch draws it as <c>x * (to - from) + from</c> with a fused
    /// multiplication and addition; for Windows it is compiled without, and the product is rounded first: to half a unit in the
    /// last place of a number below 1, and the sum, below 0.5, to half a unit in its own, either way.
    /// </summary>
    public static float WeightTolerance => OperatingSystem.IsWindows() ? 1f / (1 << 24) : 0;

    public static TheoryData<string> Names => ["inception", "residual", "residual-as-printed"];

    public static Fixture Read(string name) =>
        JsonSerializer.Deserialize<Fixture>(File.ReadAllText(PathOf($"{name}.json")), JsonFormat.Indented)!;

    /// <summary>The path of a network's initial weights; the two residual ones have the same.</summary>
    public static string WeightsOf(string name) => PathOf(name == "residual-as-printed" ? "residual.safetensors" : $"{name}.safetensors");

    /// <summary>The path of a file that PyTorch wrote.</summary>
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", name);
}
