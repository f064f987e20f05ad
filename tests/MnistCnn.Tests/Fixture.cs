using System.Text.Json;
using MnistCnn.Files;

namespace MnistCnn.Tests;

/// <summary>What PyTorch computed for a network with seed 1; written by tests/reference/article.py.</summary>
public sealed record Fixture(long Seed, float[][] TestLogits, double[] TrainLosses, long[][] EpochOrders)
{
    public static TheoryData<string> Names => ["inception", "residual", "residual-as-printed"];

    public static Fixture Read(string name) =>
        JsonSerializer.Deserialize<Fixture>(File.ReadAllText(PathOf($"{name}.json")), JsonFormat.Indented)!;

    /// <summary>The path of a network's initial weights; the two residual ones have the same.</summary>
    public static string WeightsOf(string name) => PathOf(name == "residual-as-printed" ? "residual.safetensors" : $"{name}.safetensors");

    /// <summary>The path of a file that PyTorch wrote.</summary>
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", name);
}
