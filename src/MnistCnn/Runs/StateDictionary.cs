using System.Security.Cryptography;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Runs;

/// <summary>Tensors by name, as a network has them and as files hold them.</summary>
internal static class StateDictionary
{
    /// <summary>What keeps tensors from being copied into a network's, or null: another name, shape or kind of numbers.</summary>
    /// <param name="weights">The network's.</param>
    /// <param name="tensors">Those to copy.</param>
    public static string? Mismatch(IReadOnlyDictionary<string, Tensor> weights, IReadOnlyDictionary<string, Tensor> tensors)
    {
        if (weights.Keys.FirstOrDefault(key => !tensors.ContainsKey(key)) is { } missing)
            return $"the tensor {missing} is missing";
        if (tensors.Keys.FirstOrDefault(key => !weights.ContainsKey(key)) is { } extra)
            return $"the tensor {extra} is not one of the network's";
        if (weights.Keys.FirstOrDefault(key => !weights[key].shape.SequenceEqual(tensors[key].shape)) is { } misshapen)
            return $"the tensor {misshapen} is {Shape(tensors[misshapen])}, the network's is {Shape(weights[misshapen])}";
        if (weights.Keys.FirstOrDefault(key => !IsSameKind(weights[key], tensors[key])) is { } wrongType)
            return $"the tensor {wrongType} holds {tensors[wrongType].dtype}, the network's {weights[wrongType].dtype}";
        return null;
    }

    /// <summary>Which of some tensors cannot be weights since not all of their numbers are finite in float32, in a few words, or null.</summary>
    public static string? NotFinite(IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        var name = tensors.FirstOrDefault(tensor => !tensor.Value.to_type(ScalarType.Float32).isfinite().all().item<bool>()).Key;
        return name is null ? null : $"the tensor {name} holds NaN or infinity";
    }

    /// <summary>Copies tensors that fit, see <see cref="Mismatch"/>, converting their numbers. What is not among them stays as it is.</summary>
    public static void Copy(IReadOnlyDictionary<string, Tensor> tensors, Module<Tensor, Tensor> model)
    {
        using var noGradient = no_grad();
        var weights = model.state_dict();
        foreach (var (key, tensor) in tensors)
            weights[key].copy_(tensor);
    }

    /// <summary>The SHA-256 of all numbers of a network, in the order of its names.</summary>
    public static string Fingerprint(Module<Tensor, Tensor> model)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in model.state_dict().Values)
            hash.AppendData(tensor.detach().cpu().contiguous().bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The shape of a tensor, as in 10x512.</summary>
    public static string Shape(Tensor tensor) => string.Join("x", tensor.shape);

    // Floating-point numbers of any width become those of another, and whole numbers likewise: a batch norm counts its batches.
    private static bool IsSameKind(Tensor one, Tensor other) =>
        one.is_floating_point() == other.is_floating_point() && one.dtype is ScalarType.Bool == other.dtype is ScalarType.Bool;
}
