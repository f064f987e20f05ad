using MnistCnn.Files;
using MnistCnn.Networks;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Runs;

/// <summary>A network's weights in a safetensors file, under the article's names.</summary>
public static class Weights
{
    /// <summary>Writes the weights of a network.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="model">The network.</param>
    /// <param name="metadata">What to say about it.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Save(string path, Module<Tensor, Tensor> model, IReadOnlyDictionary<string, string> metadata) =>
        new SafetensorsFile(model.state_dict(), metadata).Write(path);

    /// <summary>Makes the network that a file has the weights of, on the CPU.</summary>
    /// <param name="path">The file, this program's or PyTorch's.</param>
    /// <param name="architecture">
    /// The network, or null for the one that the file's metadata names; where they name none, it is the first one of
    /// <see cref="Architecture.All"/> whose tensors have just those names and shapes.
    /// </param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="InvalidDataException">It is not such a file, or its tensors are not the network's.</exception>
    public static (Architecture Architecture, Module<Tensor, Tensor> Model) Load(string path, Architecture? architecture = null)
    {
        using var file = Read(path);
        if (architecture is not null)
            EnsureOf(architecture, file, path);
        architecture ??= Saved(file);
        foreach (var candidate in architecture is null ? Architecture.All : [architecture])
        {
            using var skeleton = candidate.CreateSkeleton();
            var mismatch = Mismatch(skeleton.state_dict(), file.Tensors);
            if (mismatch is null)
            {
                if (NotFinite(file.Tensors) is { } notFinite)
                    throw new InvalidDataException($"{path} cannot be used: {notFinite}.");
                var model = candidate.Create();
                Copy(file.Tensors, model);
                return (candidate, model);
            }

            if (architecture is not null)
                throw new InvalidDataException($"{path} does not hold the weights of {candidate.Name}: {mismatch}.");
        }

        throw new InvalidDataException(
            $"{path} holds the weights of none of {Architecture.Names}: {Closest(file.Tensors)}. Name the one that is meant with --arch to see what differs.");
    }

    /// <summary>Copies the weights in a file into a network, which must have tensors of just those names and shapes.</summary>
    /// <param name="model">The network.</param>
    /// <param name="architecture">Which one it is.</param>
    /// <param name="path">The file, this program's or PyTorch's.</param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="InvalidDataException">It is not such a file, or its tensors are not the network's.</exception>
    public static void LoadInto(Module<Tensor, Tensor> model, Architecture architecture, string path)
    {
        using var file = Read(path);
        EnsureOf(architecture, file, path);
        if (Mismatch(model.state_dict(), file.Tensors) is { } mismatch)
            throw new InvalidDataException($"{path} does not hold the weights of this network: {mismatch}.");
        if (NotFinite(file.Tensors) is { } notFinite)
            throw new InvalidDataException($"{path} cannot be used: {notFinite}.");
        Copy(file.Tensors, model);
    }

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

    /// <summary>Copies tensors that fit, see <see cref="Mismatch"/>, converting their numbers.</summary>
    public static void Copy(IReadOnlyDictionary<string, Tensor> tensors, Module<Tensor, Tensor> model)
    {
        using var noGradient = no_grad();
        foreach (var (key, weight) in model.state_dict())
            weight.copy_(tensors[key]);
    }

    // Floating-point numbers of any width become those of another, and whole numbers likewise: a batch norm counts its batches.
    private static bool IsSameKind(Tensor one, Tensor other) =>
        one.is_floating_point() == other.is_floating_point() && one.dtype is ScalarType.Bool == other.dtype is ScalarType.Bool;

    // The network that a file of this program names. PyTorch's files name none.
    private static Architecture? Saved(SafetensorsFile file) => Architecture.Find(file.Metadata.GetValueOrDefault("architecture"));

    // Two networks may have the same names and shapes, and compute something else.
    private static void EnsureOf(Architecture architecture, SafetensorsFile file, string path)
    {
        if (Saved(file) is { } saved && saved.Name != architecture.Name)
            throw new InvalidDataException($"{path} holds the weights of {saved.Name}, not of {architecture.Name}: take --arch {saved.Name}.");
    }

    private static SafetensorsFile Read(string path)
    {
        var file = SafetensorsFile.Read(path);
        if (!Checkpoint.Is(file))
            return file;
        file.Dispose();
        throw new InvalidDataException($"{path} is a checkpoint, for train --resume; the weights are in model.safetensors beside it.");
    }

    private static string Shape(Tensor tensor) => string.Join("x", tensor.shape);

    private static string Closest(IReadOnlyDictionary<string, Tensor> tensors) =>
        tensors.Count == 0 ? "it is empty" : $"its tensors are {string.Join(", ", tensors.Keys.Take(3))}{(tensors.Count > 3 ? ", ..." : "")}";
}
