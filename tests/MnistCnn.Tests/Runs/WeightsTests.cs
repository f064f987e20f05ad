using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runs;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Runs;

/// <summary>Weights that PyTorch wrote, and weights that do not fit.</summary>
public sealed class WeightsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // The three files hold the same new weights; in double precision they are exact.
    [Theory]
    [InlineData("f16", ScalarType.Float16)]
    [InlineData("bf16", ScalarType.BFloat16)]
    [InlineData("f64", ScalarType.Float64)]
    public void Every_type_of_PyTorch_s_is_converted(string name, ScalarType type)
    {
        manual_seed(1);
        using var fresh = Architecture.Find("plain")!.Create();
        using var exact = SafetensorsFile.Read(Fixture.PathOf("plain-f64.safetensors"));
        var (architecture, model) = Weights.Load(Fixture.PathOf($"plain-{name}.safetensors"));
        Assert.Equal("plain", architecture.Name);
        foreach (var (key, weight) in fresh.state_dict())
        {
            var expected = exact.Tensors[key];
            Assert.InRange((weight - expected).abs().max().item<double>(), 0, Fixture.WeightTolerance);
            Assert.Equal(ScalarType.Float32, model.state_dict()[key].dtype);
            Assert.Equal(expected.to_type(type).to_type(ScalarType.Float32).data<float>().ToArray(), model.state_dict()[key].data<float>().ToArray());
        }
    }

    [Theory]
    [InlineData("inception")]
    [InlineData("residual")]
    public void The_architecture_is_found_from_names_and_shapes(string name) =>
        Assert.Equal(name, Weights.Load(Fixture.PathOf($"{name}.safetensors")).Architecture.Name);

    [Fact]
    public void What_does_not_fit_is_named()
    {
        AssertRefused(tensors => tensors.Remove("rBlock1.conv2.bias"), "rBlock1.conv2.bias is missing");
        AssertRefused(tensors => tensors.Add("more", zeros(1)), "more is not one");
        AssertRefused(tensors => tensors["linear.weight"] = zeros(512, 10), "linear.weight is 512x10, the network's is 10x512");
        AssertRefused(tensors => tensors["linear.bias"] = zeros(10, ScalarType.Int64), "linear.bias holds Int64");
    }

    // Batch normalisation counts its batches in a whole number, which is no weight.
    [Fact]
    public void Whole_numbers_and_floating_point_numbers_are_not_taken_for_each_other()
    {
        using var skeleton = Architecture.Find("resnet18")!.CreateSkeleton();
        var weights = skeleton.state_dict();
        AssertTaken("bn1.num_batches_tracked", ScalarType.Int64, true);
        AssertTaken("bn1.num_batches_tracked", ScalarType.Int32, true);
        AssertTaken("bn1.num_batches_tracked", ScalarType.Float32, false);
        AssertTaken("bn1.num_batches_tracked", ScalarType.Bool, false);
        AssertTaken("bn1.running_var", ScalarType.Float16, true);
        AssertTaken("bn1.running_var", ScalarType.Int64, false);

        void AssertTaken(string name, ScalarType type, bool isTaken)
        {
            var tensors = new Dictionary<string, Tensor>(weights) { [name] = zeros(weights[name].shape, type) };
            Assert.Equal(isTaken ? null : $"the tensor {name} holds {type}, the network's {weights[name].dtype}", Weights.Mismatch(weights, tensors));
        }
    }

    // The transposed weights of a square layer have the right shape; only their name tells where they belong.
    [Fact]
    public void The_same_shapes_under_other_names_are_refused() => AssertRefused(
        tensors =>
        {
            (tensors["rBlock1.first.weight"], tensors["rBlock1.second.weight"]) = (tensors["rBlock1.conv1.weight"], tensors["rBlock1.conv2.weight"]);
            tensors.Remove("rBlock1.conv1.weight");
            tensors.Remove("rBlock1.conv2.weight");
        },
        "rBlock1.conv1.weight is missing");

    private void AssertRefused(Action<Dictionary<string, Tensor>> change, string reason)
    {
        using var file = SafetensorsFile.Read(Fixture.PathOf("residual.safetensors"));
        var tensors = new Dictionary<string, Tensor>(file.Tensors);
        change(tensors);
        (file with { Tensors = tensors }).Write(folder["changed.safetensors"]);
        var message = Assert.Throws<InvalidDataException>(() => Weights.Load(folder["changed.safetensors"], Architecture.Find("residual"))).Message;
        Assert.Contains(reason, message);
        Assert.Throws<InvalidDataException>(() => Weights.Load(folder["changed.safetensors"]));
    }
}
