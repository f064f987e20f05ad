using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using MnistCnn.Files;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Tests;

/// <summary>Reference values of torchvision's networks; written by tests/reference/resnet.py and googlenet.py.</summary>
/// <param name="Networks">Networks for colour images of any size in 1000 classes.</param>
/// <param name="Seed">Seed of the MNIST network that the other values belong to: resnet18, or googlenet without dropout.</param>
/// <param name="Weights">Its initial weights, in order.</param>
/// <param name="TrainLosses">Training losses of its first steps.</param>
/// <param name="TestLogits">Logits of the first test images after these steps.</param>
/// <param name="TrainingLogits">Logits of the first test images in training mode before the first step, per classifier.</param>
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

    /// <param name="Parameters">Number of parameters.</param>
    /// <param name="StateDictSha256">SHA-256 of one line per tensor, in order: name, shape, type.</param>
    /// <param name="MultiplyAdds">Multiply-adds for an image of 224x224 pixels.</param>
    public sealed record Network(
        long Parameters, [property: JsonPropertyName("state_dict_sha256")] string StateDictSha256, long? MultiplyAdds = null)
    {
        /// <summary>Fails unless the network has exactly these names, shapes and types, in this order.</summary>
        public void AssertIs(Module<Tensor, Tensor> network)
        {
            Assert.Equal(Parameters, network.parameters().Sum(parameter => parameter.numel()));
            var listing = string.Concat(network.state_dict().Select(entry =>
                $"{entry.Key} {string.Join("x", entry.Value.shape)} {entry.Value.dtype.ToString().ToLowerInvariant()}\n"));
            Assert.Equal(StateDictSha256, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(listing))));
        }
    }

    /// <param name="Sum">Sum of all values of the tensor.</param>
    /// <param name="First">First value of the tensor.</param>
    public sealed record Weight(string Name, double Sum, double First);

    /// <summary>
    /// Fails unless a new network has these weights, to a millionth: vector instructions of different processors draw random numbers that
    /// differ in the last bit.
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
