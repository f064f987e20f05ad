using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Runs;

/// <summary>Weights of a network in a safetensors file, of this program or of PyTorch.</summary>
internal sealed record WeightsFile(string Path, IReadOnlyDictionary<string, Tensor> Tensors, WeightsMetadata Metadata) : IDisposable
{
    // PyTorch's wrappers put these before the names of all tensors: DataParallel, DistributedDataParallel, torch.compile.
    private static readonly string[] WrapperPrefixes = ["module.", "_orig_mod."];

    /// <summary>Reads a file, without PyTorch's wrapper prefixes. A missing <c>num_batches_tracked</c> is 0, as in PyTorch.</summary>
    public static WeightsFile Read(string path)
    {
        var file = SafetensorsFile.Read(path);
        using var guard = new DisposeOnError(file);
        if (Checkpoint.Is(file))
            throw new InvalidDataException(
                $"{path} is a checkpoint to resume training from; the weights are in model.safetensors beside it.");
        return guard.Complete(new WeightsFile(path, CountBatches(Unwrap(file.Tensors)), WeightsMetadata.Read(file, path)));
    }

    /// <summary>Architecture that the metadata name; null for PyTorch's files.</summary>
    /// <exception cref="InvalidDataException">The name is unknown; networks of experiments have names of their own.</exception>
    public Architecture? FindArchitecture() => Metadata.Architecture is not { } name
        ? null
        : Architecture.Find(name)
            ?? throw new InvalidDataException(
                $"{Path} holds the weights of {name}, an architecture that this program does not know.");

    /// <exception cref="InvalidDataException">The metadata name another architecture; it may have the same tensors.</exception>
    public void EnsureIsOf(Architecture architecture)
    {
        if (FindArchitecture() is { } saved && saved.Name != architecture.Name)
            throw IsOf(saved.Name, Path, architecture);
    }

    /// <summary>The error that a file holds the weights of another architecture than the expected one.</summary>
    internal static InvalidDataException IsOf(string name, string path, Architecture expected) =>
        new InvalidDataException($"{path} holds the weights of {name}, not of {expected.Name}.").With(Remedy.NameArchitecture, name);

    public void Copy(IReadOnlyDictionary<string, Tensor> tensors, Module<Tensor, Tensor> network)
    {
        if (StateDictionary.NotFinite(tensors) is { } notFinite)
            throw new InvalidDataException($"{Path} cannot be used: {notFinite}.");
        StateDictionary.Copy(tensors, network);
    }

    public void Dispose()
    {
        foreach (var tensor in Tensors.Values)
            tensor.Dispose();
    }

    private static Dictionary<string, Tensor> CountBatches(IReadOnlyDictionary<string, Tensor> tensors)
    {
        const string mean = ".running_mean";
        var counted = tensors.ToDictionary();
        foreach (var name in tensors.Keys.Where(name => name.EndsWith(mean, StringComparison.Ordinal)))
            counted.TryAdd($"{name[..^mean.Length]}.num_batches_tracked", tensor(0L));
        return counted;
    }

    private static IReadOnlyDictionary<string, Tensor> Unwrap(IReadOnlyDictionary<string, Tensor> tensors)
    {
        while (tensors.Count > 0 && WrapperPrefixes.FirstOrDefault(IsOnAll) is { } prefix)
            tensors = tensors.ToDictionary(tensor => tensor.Key[prefix.Length..], tensor => tensor.Value);
        return tensors;

        bool IsOnAll(string prefix) => tensors.Keys.All(name => name.StartsWith(prefix, StringComparison.Ordinal));
    }
}
