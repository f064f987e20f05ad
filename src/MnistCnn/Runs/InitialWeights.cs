using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Runs;

/// <summary>Weights of a trained network as the start of another training: transfer learning.</summary>
internal sealed class InitialWeights : IDisposable
{
    private readonly WeightsFile file;

    private InitialWeights(WeightsFile file) => this.file = file;

    public IReadOnlyList<string> ClassNames => file.Metadata.ClassNames;

    /// <summary>Normalization of ImageNet, for which the first layers were trained; null for the data's own.</summary>
    public Normalization? Normalization => file.Metadata.Normalization is { IsOfImageNet: true } normalization ? normalization : null;

    /// <summary>Reads a file; null without one.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, or its tensors have the names of another network.</exception>
    public static InitialWeights? Read(string? path, Architecture architecture)
    {
        if (path is null)
            return null;
        var file = WeightsFile.Read(path);
        using var guard = new DisposeOnError(file);
        file.EnsureIsOf(architecture);
        if (NameMismatch(architecture) is { } mismatch)
            throw Architecture.All.FirstOrDefault(other => NameMismatch(other) is null) is { } other
                ? WeightsFile.IsOf(other.Name, path, architecture)
                : OfAnotherNetwork(path, mismatch);
        return guard.Complete(new InitialWeights(file));

        string? NameMismatch(Architecture candidate)
        {
            using var skeleton = candidate.CreateOnMeta();
            return StateDictionary.NameMismatch(skeleton.state_dict(), Layers.WithoutAuxiliary(skeleton, file.Tensors));
        }
    }

    /// <summary>Ensures that <see cref="CopyInto"/> can copy all tensors but those that may differ.</summary>
    /// <param name="network">May be on the meta device.</param>
    /// <exception cref="InvalidDataException">The file holds the weights of another network.</exception>
    public void EnsureFit(Module<Tensor, Tensor> network) => Match(network, ClassNames);

    /// <summary>
    /// Copies the weights into a network. All tensors must match, except for the last layer and the auxiliary classifiers: they keep their
    /// random initial weights if their shapes or the classes differ.
    /// </summary>
    /// <returns>One sentence per part that keeps its random weights, and one if <see cref="Normalization"/> is not the data's.</returns>
    /// <exception cref="InvalidDataException">The file holds the weights of another network, or NaN.</exception>
    public IReadOnlyList<string> CopyInto(Module<Tensor, Tensor> network, IReadOnlyList<string> classNames)
    {
        var (saved, difference) = Match(network, classNames);
        file.Copy(saved, network);

        List<string> notes = [];
        if (difference is not null)
            notes.Add($"The last layer, {Layers.ClassifierName(network)}, keeps its random initial weights: {difference}.");
        if (CopyAuxiliary(network, hasSameClasses: difference is null) is { } auxiliaryDifference)
            notes.Add("The auxiliary classifiers, which exist only during training, keep their random initial weights: "
                + $"{auxiliaryDifference}.");
        if (Normalization is { } normalization)
            notes.Add($"Pixels are normalized with mean {string.Join(", ", normalization.Mean)} and standard deviation "
                + $"{string.Join(", ", normalization.Std)}, as the ImageNet weights in {file.Path} need.");
        return notes;
    }

    public void Dispose() => file.Dispose();

    // Returns the tensors to copy, and why the last layer is not among them.
    private (Dictionary<string, Tensor> Saved, string? Difference) Match(
        Module<Tensor, Tensor> network, IReadOnlyList<string> classNames)
    {
        var (own, saved) = (Layers.WithoutAuxiliary(network, network.state_dict()), Layers.WithoutAuxiliary(network, file.Tensors));
        var last = Layers.ClassifierName(network);
        string[] lastNames = [.. own.Keys.Where(name => Layers.IsInside(last, name))];
        var difference = lastNames.All(saved.ContainsKey) ? DifferenceOfLastLayer() : null;
        foreach (var name in difference is null ? [] : lastNames)
        {
            own.Remove(name);
            saved.Remove(name);
        }

        return StateDictionary.Mismatch(own, saved) is { } mismatch
            ? throw OfAnotherNetwork(file.Path, OtherChannels(network, saved) ?? mismatch)
            : (saved, difference);

        // A file without class names has the names of MNIST or numbers, so a different number of classes says nothing.
        string? DifferenceOfLastLayer()
        {
            if (lastNames.FirstOrDefault(name => !own[name].shape.SequenceEqual(saved[name].shape)) is { } other)
                return $"{other} is {StateDictionary.Shape(saved[other])} in {file.Path}, "
                    + $"and {StateDictionary.Shape(own[other])} in this network";
            return ClassNames.Count == classNames.Count && Data.ClassNames.Mismatch(ClassNames, classNames, "the data") is not null
                ? $"{file.Path} is of other classes"
                : null;
        }
    }

    private string? CopyAuxiliary(Module<Tensor, Tensor> network, bool hasSameClasses)
    {
        var (own, saved) = (Auxiliary(network.state_dict()), Auxiliary(file.Tensors));
        if (own.Count == 0)
            return null;
        if (saved.Count == 0)
            return $"{file.Path} has none";
        if (!hasSameClasses)
            return $"those in {file.Path} are of other classes";
        if (StateDictionary.Mismatch(own, saved) is { } mismatch)
            return mismatch;
        file.Copy(saved, network);
        return null;

        Dictionary<string, Tensor> Auxiliary(IEnumerable<KeyValuePair<string, Tensor>> tensors) =>
            tensors.Where(tensor => Layers.IsAuxiliary(network, tensor.Key)).ToDictionary();
    }

    private static InvalidDataException OfAnotherNetwork(string path, string difference) =>
        new($"{path} does not hold the weights of this network: {difference}.");

    // Explains a different shape of the first convolution, (out, in, height, width); null if it has the same number of channels.
    private static string? OtherChannels(Module<Tensor, Tensor> network, Dictionary<string, Tensor> saved)
    {
        var (name, layer) = Layers.WithWeights(network).First();
        var own = layer.state_dict()["weight"].shape;
        return saved.TryGetValue($"{name}.weight", out var weight) && weight.shape is [var output, var channels, var height, var width]
            && own.SequenceEqual([output, own[1], height, width]) && channels != own[1]
            ? $"it takes images with {channels} channels, and these have {own[1]}"
            : null;
    }
}
