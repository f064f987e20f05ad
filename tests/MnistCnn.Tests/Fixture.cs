using System.Runtime.InteropServices;
using System.Text.Json;
using MnistCnn.Training;

namespace MnistCnn.Tests;

/// <summary>What PyTorch computed for a network with seed 1; written by tests/reference/article.py.</summary>
public sealed record Fixture(
    long Seed,
    Dictionary<string, FixtureTensor> Weights,
    float[][] TestLogits,
    double[] TrainLosses,
    long[][] EpochOrders)
{
    public static TheoryData<string> Names => ["inception", "residual"];

    public static Fixture Read(string name) => JsonSerializer.Deserialize<Fixture>(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"{name}.json")), JsonFormat.Indented)!;
}

/// <summary>A float32 tensor; its values are in base64.</summary>
public sealed record FixtureTensor(long[] Shape, string Float32)
{
    public float[] Values => MemoryMarshal.Cast<byte, float>(Convert.FromBase64String(Float32)).ToArray();
}
