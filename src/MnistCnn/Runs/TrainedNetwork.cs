using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;
using ExternalException = System.Runtime.InteropServices.ExternalException;

namespace MnistCnn.Runs;

/// <summary>A network with weights from a file, and the metadata of the file.</summary>
/// <param name="Network">Maps normalized images (N, C, H, W) to logits (N, classes).</param>
internal sealed record TrainedNetwork(
    string Path, Architecture Architecture, Module<Tensor, Tensor> Network, WeightsMetadata Metadata) : IDisposable
{
    public NetworkShape Shape => Metadata.Shape;

    public IReadOnlyList<string> ClassNames => Metadata.ClassNames;

    public Normalization Normalization => Metadata.Normalization;

    /// <inheritdoc cref="WeightsMetadata.Images"/>
    public ImageSettings ImageSettings => Metadata.Images;

    /// <summary>True for a network of handwritten digits; several in one image can be told apart.</summary>
    public bool ReadsDigits => ImageSettings.Fit is ImageFit.Ink && ClassNames.Count == 10 && Data.ClassNames.AreNumbers(ClassNames);

    /// <summary>Creates the network of a weights file on the CPU.</summary>
    /// <param name="architecture">
    /// Expected architecture. If null, the metadata name it; without metadata it is the first of <see cref="Architecture.All"/> that has
    /// tensors of the same names and shapes.
    /// </param>
    public static TrainedNetwork Load(string path, Architecture? architecture = null)
    {
        using var file = WeightsFile.Read(path);
        if (architecture is not null)
            file.EnsureIsOf(architecture);
        architecture ??= file.FindArchitecture();
        if (architecture is not null && Mismatch(architecture, file) is { } mismatch)
            throw new InvalidDataException($"{path} does not hold the weights of {architecture.Name}: {mismatch}.");
        architecture ??= Architecture.All.FirstOrDefault(candidate => Mismatch(candidate, file) is null)
            ?? throw new InvalidDataException(
                $"{path} holds the weights of none of {Architecture.Names}: {FirstNames(file.Tensors)}.")
                .With(Remedy.NameArchitecture);

        var network = architecture.Create(file.Metadata.Shape);
        using var guard = new DisposeOnError(network);
        file.Copy(Layers.WithoutAuxiliary(network, file.Tensors), network);
        return guard.Complete(new TrainedNetwork(path, architecture, network, file.Metadata with { Architecture = architecture.Name }));
    }

    /// <summary>Moves the network to a device, in the fastest memory layout there.</summary>
    public TrainedNetwork To(Device device) => this with { Network = MemoryLayout.ChannelsLast(Network.to(device)) };

    /// <summary>Explains in a sentence why the network cannot be evaluated on a data set; null if it can.</summary>
    public string? MismatchWith(DataSet data) => TrainableModel.ShapeOf(data) is var shape && shape.Input == Shape.Input
        ? Data.ClassNames.Mismatch(ClassNames, data.ClassNames, data.Folder)
        : $"The network takes images of {Shape.Input} in {Shape.Classes} classes, "
            + $"and {data.Folder} holds {shape.Input} in {shape.Classes}.";

    /// <exception cref="UserException">Image files give images of one or three channels; the network takes another number.</exception>
    public void EnsureTakesImageFiles()
    {
        if (Shape.Channels is not (1 or 3))
            throw new UserException($"The network takes images of {Shape.Input}; image files give one channel or three.");
    }

    public void Dispose() => Network.Dispose();

    // The metadata may name a size that is too small for the network, or larger than any memory.
    private static string? Mismatch(Architecture architecture, WeightsFile file)
    {
        try
        {
            using var skeleton = architecture.CreateOnMeta(file.Metadata.Shape);
            return StateDictionary.Mismatch(skeleton.state_dict(), Layers.WithoutAuxiliary(skeleton, file.Tensors));
        }
        catch (Exception error) when (error is ArgumentException or ExternalException or OverflowException)
        {
            return error.Message.Split('\n')[0].TrimEnd('.');
        }
    }

    private static string FirstNames(IReadOnlyDictionary<string, Tensor> tensors) =>
        tensors.Count == 0
            ? "it is empty"
            : $"its tensors are {string.Join(", ", tensors.Keys.Take(3))}{(tensors.Count > 3 ? ", ..." : "")}";
}
