using MnistCnn.Data;
using MnistCnn.Networks;

namespace MnistCnn.Runs;

/// <summary>Weights of a trained network as the start of another training: transfer learning.</summary>
internal static class InitialWeights
{
    /// <summary>
    /// Copies the weights of a file into a network. All tensors must match, except for the last layer and the auxiliary classifiers: they
    /// keep their random initial weights if their shapes or the classes differ.
    /// </summary>
    /// <returns>One sentence per part that keeps its random weights.</returns>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, or holds the weights of another network.</exception>
    public static IReadOnlyList<string> CopyInto(
        Module<Tensor, Tensor> network, Architecture architecture, string path, IReadOnlyList<string> classNames)
    {
        using var file = WeightsFile.Read(path);
        file.EnsureIsOf(architecture);
        var (own, saved) = (Layers.WithoutAuxiliary(network, network.state_dict()), Layers.WithoutAuxiliary(network, file.Tensors));
        var last = Layers.ClassifierName(network);
        string[] lastNames = [.. own.Keys.Where(name => Layers.IsInside(last, name))];
        var difference = lastNames.All(saved.ContainsKey) ? DifferenceOfLastLayer() : null;
        foreach (var name in difference is null ? [] : lastNames)
        {
            own.Remove(name);
            saved.Remove(name);
        }

        if (StateDictionary.Mismatch(own, saved) is { } mismatch)
            throw new InvalidDataException(
                $"{path} does not hold the weights of this network: {OtherChannels(network, saved) ?? mismatch}.");
        file.Copy(saved, network);

        List<string> notes = [];
        if (difference is not null)
            notes.Add($"The last layer, {last}, keeps its random initial weights: {difference}.");
        if (CopyAuxiliary(network, file, hasSameClasses: difference is null) is { } auxiliaryDifference)
            notes.Add("The auxiliary classifiers, which exist only during training, keep their random initial weights: "
                + $"{auxiliaryDifference}.");
        return notes;

        // A file without class names has the names of MNIST, so a different number of classes says nothing.
        string? DifferenceOfLastLayer()
        {
            if (lastNames.FirstOrDefault(name => !own[name].shape.SequenceEqual(saved[name].shape)) is { } other)
                return $"{other} is {StateDictionary.Shape(saved[other])} in {path}, "
                    + $"and {StateDictionary.Shape(own[other])} in this network";
            var savedNames = file.Metadata.ClassNames;
            return savedNames.Count == classNames.Count && ClassNames.Mismatch(savedNames, classNames, "the data") is not null
                ? $"{path} is of other classes"
                : null;
        }
    }

    /// <summary>Reads the class names of a weights file; null without a file.</summary>
    public static IReadOnlyList<string>? ReadClassNames(string? path)
    {
        using var file = path is null ? null : WeightsFile.Read(path);
        return file?.Metadata.ClassNames;
    }

    private static string? CopyAuxiliary(Module<Tensor, Tensor> network, WeightsFile file, bool hasSameClasses)
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
