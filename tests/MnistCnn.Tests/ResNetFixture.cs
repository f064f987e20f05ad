using System.Text.Json;
using System.Text.Json.Serialization;
using MnistCnn.Files;

namespace MnistCnn.Tests;

/// <summary>What torchvision's residual networks are and computed; written by tests/reference/resnet.py.</summary>
/// <param name="Networks">For colour images of any size in 1000 classes.</param>
/// <param name="Seed">Of the resnet18 for MNIST that the rest is about.</param>
/// <param name="Weights">Of it when it is new, in order.</param>
/// <param name="TrainLosses">Of its first steps.</param>
/// <param name="TestLogits">What it gives after them for the first test images.</param>
public sealed record ResNetFixture(
    Dictionary<string, ResNetFixture.Network> Networks, long Seed, ResNetFixture.Weight[] Weights, double[] TrainLosses, float[][] TestLogits)
{
    public static ResNetFixture Read() =>
        JsonSerializer.Deserialize<ResNetFixture>(File.ReadAllText(Fixture.PathOf("resnet.json")), JsonFormat.Indented)!;

    /// <param name="Parameters">How many there are.</param>
    /// <param name="StateDictSha256">Of a line for each tensor, in order: name, shape, type.</param>
    public sealed record Network(
        long Parameters, [property: JsonPropertyName("state_dict_sha256")] string StateDictSha256);

    /// <param name="Name">The tensor's name.</param>
    /// <param name="Sum">The sum of its numbers.</param>
    /// <param name="First">The first one.</param>
    public sealed record Weight(string Name, double Sum, double First);
}
