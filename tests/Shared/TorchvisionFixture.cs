using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using MnistCnn.Files;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests;

/// <summary>What torchvision's networks are and computed; written by tests/reference/resnet.py and googlenet.py.</summary>
/// <param name="Networks">For colour images of any size in 1000 classes.</param>
/// <param name="Seed">Of the network for MNIST that the rest is about: resnet18, or googlenet without dropout.</param>
/// <param name="Weights">Of it when it is new, in order.</param>
/// <param name="TrainLosses">Of its first steps.</param>
/// <param name="TestLogits">What it gives after them for the first test images.</param>
/// <param name="TrainingLogits">What it gives for them in training when it is new: itself and each auxiliary classifier.</param>
public sealed record TorchvisionFixture(
    Dictionary<string, TorchvisionFixture.Network> Networks,
    long Seed,
    TorchvisionFixture.Weight[] Weights,
    double[] TrainLosses,
    float[][]? TestLogits = null,
    float[][][]? TrainingLogits = null)
{
    public static TorchvisionFixture Read(string name) =>
        JsonSerializer.Deserialize<TorchvisionFixture>(File.ReadAllText(Fixture.PathOf($"{name}.json")), JsonFormat.Indented)!;

    /// <param name="Parameters">How many there are.</param>
    /// <param name="StateDictSha256">Of a line for each tensor, in order: name, shape, type.</param>
    /// <param name="MultiplyAdds">Of an image of 224x224 pixels.</param>
    public sealed record Network(
        long Parameters, [property: JsonPropertyName("state_dict_sha256")] string StateDictSha256, long? MultiplyAdds = null)
    {
        /// <summary>Fails unless a network for images and classes of those shapes has just these names, shapes and types, in this order.</summary>
        public void AssertIs(Module<Tensor, Tensor> network)
        {
            Assert.Equal(Parameters, network.parameters().Sum(parameter => parameter.numel()));
            var listing = string.Concat(network.state_dict().Select(entry =>
                $"{entry.Key} {string.Join("x", entry.Value.shape)} {entry.Value.dtype.ToString().ToLowerInvariant()}\n"));
            Assert.Equal(StateDictSha256, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(listing))));
        }
    }

    /// <param name="Name">The tensor's name.</param>
    /// <param name="Sum">The sum of its numbers.</param>
    /// <param name="First">The first one.</param>
    public sealed record Weight(string Name, double Sum, double First);

    /// <summary>
    /// Fails unless a new network has these weights: to a millionth, since how a processor's vector instructions draw numbers is not the
    /// same to the last bit on each.
    /// </summary>
    public void AssertFreshWeights(Module<Tensor, Tensor> network)
    {
        var weights = network.state_dict();
        Assert.Equal(Weights.Select(weight => weight.Name), weights.Keys);
        foreach (var weight in Weights)
        {
            using var numbers = weights[weight.Name].to_type(ScalarType.Float64);
            Assert.Equal(weight.Sum, numbers.sum().item<double>(), 1e-4);
            Assert.Equal(weight.First, numbers.flatten()[0].item<double>(), 1e-6);
        }
    }
}
