namespace MnistCnn.Runs;

internal static class StateDictionary
{
    /// <summary>Describes why tensors cannot be copied into weights: names, shapes or kinds of dtype differ; null if they can.</summary>
    public static string? Mismatch(IReadOnlyDictionary<string, Tensor> weights, IReadOnlyDictionary<string, Tensor> tensors)
    {
        if (NameMismatch(weights, tensors) is { } name)
            return name;
        if (weights.Keys.FirstOrDefault(key => !weights[key].shape.SequenceEqual(tensors[key].shape)) is { } misshapen)
            return $"the tensor {misshapen} is {Shape(tensors[misshapen])}, the network's is {Shape(weights[misshapen])}";
        if (weights.Keys.FirstOrDefault(key => !IsSameKind(weights[key], tensors[key])) is { } wrongType)
            return $"the tensor {wrongType} holds {tensors[wrongType].dtype}, the network's {weights[wrongType].dtype}";
        return null;
    }

    /// <summary>Names the first tensor that only one of two dictionaries has; null if both have the same names.</summary>
    public static string? NameMismatch(IReadOnlyDictionary<string, Tensor> weights, IReadOnlyDictionary<string, Tensor> tensors)
    {
        if (weights.Keys.FirstOrDefault(key => !tensors.ContainsKey(key)) is { } missing)
            return $"the tensor {missing} is missing";
        return tensors.Keys.FirstOrDefault(key => !weights.ContainsKey(key)) is { } extra
            ? $"the tensor {extra} is not one of the network's"
            : null;
    }

    /// <summary>Names the first tensor with values that are not finite in float32; null if there is none.</summary>
    public static string? NotFinite(IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        var name = tensors.FirstOrDefault(tensor => !tensor.Value.to_type(ScalarType.Float32).isfinite().all().item<bool>()).Key;
        return name is null ? null : $"the tensor {name} holds NaN or infinity";
    }

    /// <summary>Copies tensors without a <see cref="Mismatch"/> into a model and converts their dtype. Its other tensors stay.</summary>
    public static void Copy(IReadOnlyDictionary<string, Tensor> tensors, Module<Tensor, Tensor> model)
    {
        using var noGradient = no_grad();
        var weights = model.state_dict();
        foreach (var (key, tensor) in tensors)
            weights[key].copy_(tensor);
    }

    /// <summary>SHA-256 of all tensors of a model, in the order of its state dictionary.</summary>
    public static string Sha256(Module<Tensor, Tensor> model)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in model.state_dict().Values)
            hash.AppendData(tensor.detach().cpu().contiguous().bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The shape of a tensor as text: 10x512.</summary>
    public static string Shape(Tensor tensor) => string.Join("x", tensor.shape);

    // Floating-point types convert to each other, and integer types, which count the batches of batch normalization, likewise.
    private static bool IsSameKind(Tensor one, Tensor other) =>
        one.is_floating_point() == other.is_floating_point() && one.dtype is ScalarType.Bool == other.dtype is ScalarType.Bool;
}
