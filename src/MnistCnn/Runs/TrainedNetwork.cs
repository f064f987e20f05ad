using System.Globalization;
using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using ExternalException = System.Runtime.InteropServices.ExternalException;

namespace MnistCnn.Runs;

/// <summary>A network with weights from a file, and what the file says of what goes in and comes out.</summary>
/// <param name="Architecture">Which network it is.</param>
/// <param name="Network">Normalised images to logits; see <paramref name="Shape"/>.</param>
/// <param name="Shape">The images and how many classes.</param>
/// <param name="ClassNames">What the classes are called, in their order.</param>
/// <param name="Normalization">How it was given its images when it was trained.</param>
/// <param name="Pictures">How pictures become images of the kind that it was trained on.</param>
internal sealed record TrainedNetwork(
    Architecture Architecture,
    Module<Tensor, Tensor> Network,
    NetworkShape Shape,
    IReadOnlyList<string> ClassNames,
    Normalization Normalization,
    ImageSettings Pictures) : IDisposable
{
    private const string ArchitectureKey = "architecture";
    private const string ShapeKey = "shape";
    private const string ClassesKey = "classes";
    private const string MeanKey = "mean";
    private const string DeviationKey = "deviation";
    private const string FitKey = "fit";
    private const string TestShareKey = "test_share";
    private const string FingerprintKey = "pictures";
    private const string AccuracyKey = "test_accuracy";

    /// <summary>The accuracy on the test images after the training, in percent, where the file says it.</summary>
    public double? TestAccuracy { get; init; }

    /// <summary>The fingerprint of the folder of pictures that was split to train it, where the file says it; see <see cref="DataSet.Sha256"/>.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Whether images of a set may be tested on that the network was trained on: both were split from a folder, and not from the same.</summary>
    public bool MayKnowTestImages(DataSet data) =>
        Fingerprint is not null && data.Pictures?.TestShare is not null
        && (data.Sha256[FingerprintKey] != Fingerprint || data.Pictures.TestShare > Pictures.TestShare);

    /// <summary>What a file of weights says of the data that they were trained on.</summary>
    public static Dictionary<string, string> Describe(DataSet data)
    {
        var text = Describe(Trainer.ShapeOf(data), data.ClassNames, data.Normalization, data.Fit, data.Pictures?.TestShare);
        if (data.Pictures?.TestShare is not null)
            text.Add(FingerprintKey, data.Sha256[FingerprintKey]);
        return text;
    }

    /// <summary>What a file says of this network, text by name: as <see cref="Describe(DataSet)"/>, and which it is and how good.</summary>
    public Dictionary<string, string> Describe()
    {
        var text = Describe(Shape, ClassNames, Normalization, Pictures.Fit, Pictures.TestShare);
        text[ArchitectureKey] = Architecture.Name;
        if (TestAccuracy is { } accuracy)
            text[AccuracyKey] = accuracy.ToString(CultureInfo.InvariantCulture);
        return text;
    }

    /// <summary>Makes the network that a file has the weights of, on the CPU.</summary>
    /// <param name="path">
    /// The file, this program's or PyTorch's. Where it does not say what goes in and comes out, as those of PyTorch and of version 0.1,
    /// that is MNIST.
    /// </param>
    /// <param name="architecture">
    /// The network, or null for the one that the file's metadata names; where they name none, it is the first one of
    /// <see cref="Architecture.All"/> whose tensors have just those names and shapes.
    /// </param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not such a file, or its tensors are not the network's.</exception>
    public static TrainedNetwork Load(string path, Architecture? architecture = null)
    {
        using var file = Read(path);
        var (shape, names, normalization, pictures) = Description(file, path);
        if (architecture is not null)
            EnsureOf(architecture, file, path);
        architecture ??= Saved(file, path);
        foreach (var candidate in architecture is null ? Architecture.All : [architecture])
        {
            var mismatch = Mismatch(candidate, shape, file);
            if (mismatch is null)
            {
                var model = new TrainedNetwork(candidate, candidate.Create(shape), shape, names, normalization, pictures)
                {
                    TestAccuracy = Accuracy(file),
                    Fingerprint = file.Metadata.GetValueOrDefault(FingerprintKey),
                };
                try
                {
                    Copy(Layers.WithoutAuxiliary(model.Network, file.Tensors), model.Network, path);
                    return model;
                }
                catch
                {
                    model.Dispose();
                    throw;
                }
            }

            if (architecture is not null)
                throw new InvalidDataException($"{path} does not hold the weights of {candidate.Name}: {mismatch}.");
        }

        throw new InvalidDataException(
            $"{path} holds the weights of none of {Architecture.Names}: {Closest(file.Tensors)}.").With(Remedy.NameArchitecture);
    }

    /// <summary>
    /// Copies the weights in a file into a network, which must have tensors of just those names and shapes; but its last layer keeps its
    /// own where that has other shapes, or where the file says that it was trained on other classes. So do its auxiliary classifiers then, and
    /// where the file has none that fit.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="architecture">Which one it is.</param>
    /// <param name="path">The file, this program's or PyTorch's.</param>
    /// <param name="classNames">The classes that it will be trained on.</param>
    /// <returns>Sentences about the last layer and the auxiliary classifiers where they kept their own weights, or null.</returns>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not such a file, or its tensors are not the network's.</exception>
    public static string? LoadInto(Module<Tensor, Tensor> network, Architecture architecture, string path, IReadOnlyList<string> classNames)
    {
        using var file = Read(path);
        EnsureOf(architecture, file, path);
        var (weights, tensors) = (Layers.WithoutAuxiliary(network, network.state_dict()), Layers.WithoutAuxiliary(network, file.Tensors));
        var last = Layers.ClassifierName(network);
        string[] ofLast = [.. weights.Keys.Where(name => Layers.IsInside(last, name))];
        var other = ofLast.All(tensors.ContainsKey) ? ofLast.FirstOrDefault(name => !weights[name].shape.SequenceEqual(tensors[name].shape)) : null;
        var reason = other is not null
            ? $"{other} is {StateDictionary.Shape(tensors[other])} in {path}, and {StateDictionary.Shape(weights[other])} in this network"
            : ClassesOf(file, path) is { } before && Data.ClassNames.Mismatch(before, classNames, "the data") is not null
                ? $"{path} is of other classes"
                : null;
        if (reason is not null)
            (weights, tensors) = (weights.ExceptBy(ofLast, weight => weight.Key).ToDictionary(), tensors.ExceptBy(ofLast, tensor => tensor.Key).ToDictionary());
        if (StateDictionary.Mismatch(weights, tensors) is { } mismatch)
            throw new InvalidDataException($"{path} does not hold the weights of this network: {OtherChannels(network, tensors) ?? mismatch}.");
        Copy(tensors, network, path);
        var freshLast = reason is null ? null : $"The last layer, {last}, starts anew: {reason}.";
        var newAuxiliary = LoadAuxiliary(network, file, path, areClassesSame: reason is null);
        return freshLast is null || newAuxiliary is null ? freshLast ?? newAuxiliary : $"{freshLast}\n{newAuxiliary}";
    }

    /// <summary>The same network on a device, with its numbers in memory as it is fastest there.</summary>
    public TrainedNetwork To(Device device) => this with { Network = MemoryLayout.ChannelsLast(Network.to(device)) };

    /// <summary>Makes a picture an image of the kind that the network was trained on.</summary>
    /// <param name="contents">The whole file.</param>
    /// <param name="name">What to call it in a message.</param>
    /// <returns>Pixels from 0 to 255: (C, H, W). Null where ink is looked for and none is found.</returns>
    /// <exception cref="InvalidDataException">It is not a picture, it is damaged or cut short, or too large.</exception>
    internal byte[]? ImageOf(byte[] contents, string name)
    {
        if (Pictures.Fit is ImageFit.Ink)
        {
            using var digit = DigitImage.Read(contents, name);
            return digit?.bytes.ToArray();
        }

        var pixels = new byte[Shape.Channels * Shape.Height * Shape.Width];
        ImageDecoder.Fit(contents, name, Pictures, pixels);
        return pixels;
    }

    /// <summary>Ensures that pictures can be made images of its kind.</summary>
    /// <exception cref="UserException">They cannot: the images have neither one channel nor three.</exception>
    internal void EnsureTakesPictures()
    {
        if (Shape.Channels is not (1 or 3))
            throw new UserException($"The network takes images of {Shape.Input}; pictures are made images of one channel or three.");
    }

    /// <inheritdoc/>
    public void Dispose() => Network.Dispose();

    private static SafetensorsFile Read(string path)
    {
        var file = SafetensorsFile.Read(path);
        if (!Checkpoint.Is(file))
            return file;
        file.Dispose();
        throw new InvalidDataException($"{path} is a checkpoint to resume training from; the weights are in model.safetensors beside it.");
    }

    private static (NetworkShape Shape, IReadOnlyList<string> ClassNames, Normalization Normalization, ImageSettings Pictures) Description(
        SafetensorsFile file, string path)
    {
        var shape = NetworkShape.Mnist;
        if (!file.Metadata.TryGetValue(ShapeKey, out var shapeText))
            return (shape, Data.ClassNames.Numbers(shape.Classes), Normalization.Mnist, PicturesOf(shape, ImageFit.Ink, null));

        var names = ClassesOf(file, path) ?? [];
        var normalization = new Normalization(Numbers(MeanKey), Numbers(DeviationKey));
        var isMnist = shapeText == NetworkShape.Mnist.Input;
        var standard = isMnist ? ImageFit.Ink : ImageFit.Stretch;
        var share = file.Metadata.ContainsKey(TestShareKey) ? Numbers(TestShareKey)[0] : (double?)null;
        var isFit = Enum.TryParse<ImageFit>(file.Metadata.GetValueOrDefault(FitKey, standard.ToString()), ignoreCase: true, out var fit);
        if (NetworkShape.Parse(shapeText) is not { } sides || !normalization.IsPossible || !normalization.Fits(sides.Channels)
            || names.Length == 0 || names.Any(string.IsNullOrEmpty) || names.Distinct().Count() < names.Length
            || !isFit || !Enum.IsDefined(fit) || (fit is ImageFit.Ink && !isMnist) || (share is { } given && !ImageSettings.IsTestShare(given)))
            throw new InvalidDataException($"{path} is damaged: what it says of its images and classes makes no sense.");
        return (sides with { Classes = names.Length }, names, normalization, PicturesOf(sides, fit, share));

        double[] Numbers(string key) =>
        [
            .. (file.Metadata.GetValueOrDefault(key) ?? "").Split(',')
                .Select(text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : double.NaN),
        ];
    }

    private static string[]? ClassesOf(SafetensorsFile file, string path) =>
        file.Metadata.TryGetValue(ClassesKey, out var classes) ? JsonFormat.Parse<string[]>(classes, path) : null;

    private static ImageSettings PicturesOf(NetworkShape shape, ImageFit fit, double? testShare) =>
        new(shape.Height, shape.Width, fit, Grey: shape.Channels == 1, testShare);

    private static Dictionary<string, string> Describe(
        NetworkShape shape, IReadOnlyList<string> classNames, Normalization normalization, ImageFit fit, double? testShare)
    {
        var text = new Dictionary<string, string>
        {
            [ShapeKey] = shape.Input,
            [ClassesKey] = JsonSerializer.Serialize(classNames, JsonFormat.Line),
            [MeanKey] = string.Join(',', normalization.Mean),
            [DeviationKey] = string.Join(',', normalization.Std),
            [FitKey] = fit.ToString().ToLowerInvariant(),
        };
        if (testShare is { } share)
            text.Add(TestShareKey, share.ToString(CultureInfo.InvariantCulture));
        return text;
    }

    private static double? Accuracy(SafetensorsFile file) =>
        double.TryParse(file.Metadata.GetValueOrDefault(AccuracyKey), NumberStyles.Float, CultureInfo.InvariantCulture, out var accuracy) ? accuracy : null;

    // The network that a file of this program names. PyTorch's files name none. Networks of experiments are not in the table, and may have
    // the tensors of one that is.
    private static Architecture? Saved(SafetensorsFile file, string path) => !file.Metadata.TryGetValue(ArchitectureKey, out var name)
        ? null
        : Architecture.Find(name)
            ?? throw new InvalidDataException($"{path} holds the weights of {name}, an architecture that this program does not know.");

    // Two networks may have the same names and shapes, and compute something else.
    private static void EnsureOf(Architecture architecture, SafetensorsFile file, string path)
    {
        if (Saved(file, path) is { } saved && saved.Name != architecture.Name)
            throw new InvalidDataException($"{path} holds the weights of {saved.Name}, not of {architecture.Name}.").With(Remedy.NameArchitecture, saved.Name);
    }

    // A file may say that its images are smaller than the network takes, or larger than anything.
    private static string? Mismatch(Architecture architecture, NetworkShape shape, SafetensorsFile file)
    {
        try
        {
            using var skeleton = architecture.CreateOnMeta(shape);
            return StateDictionary.Mismatch(skeleton.state_dict(), Layers.WithoutAuxiliary(skeleton, file.Tensors));
        }
        catch (Exception error) when (error is ArgumentException or ExternalException or OverflowException)
        {
            return error.Message.Split('\n')[0].TrimEnd('.');
        }
    }

    // What is behind another shape of the first convolution, (out, in, height, width), or null.
    private static string? OtherChannels(Module<Tensor, Tensor> network, Dictionary<string, Tensor> tensors)
    {
        var (name, layer) = Layers.WithWeights(network).First();
        var expected = layer.state_dict()["weight"].shape;
        return tensors.TryGetValue($"{name}.weight", out var first) && first.shape is [var maps, var channels, var height, var width]
            && expected.SequenceEqual([maps, expected[1], height, width]) && channels != expected[1]
            ? $"it takes images with {channels} channels, and these have {expected[1]}"
            : null;
    }

    // The last layer of a auxiliary classifier is one for the classes too.
    private static string? LoadAuxiliary(Module<Tensor, Tensor> network, SafetensorsFile file, string path, bool areClassesSame)
    {
        var (own, theirs) = (Sides(network.state_dict()), Sides(file.Tensors));
        if (own.Count == 0)
            return null;
        var reason = theirs.Count == 0 ? $"{path} has none" : areClassesSame ? StateDictionary.Mismatch(own, theirs) : "theirs are of other classes";
        if (reason is not null)
            return $"The auxiliary classifiers, which are there only in training, start anew: {reason}.";
        Copy(theirs, network, path);
        return null;

        Dictionary<string, Tensor> Sides(IEnumerable<KeyValuePair<string, Tensor>> tensors) =>
            tensors.Where(tensor => Layers.IsAuxiliary(network, tensor.Key)).ToDictionary();
    }

    private static void Copy(IReadOnlyDictionary<string, Tensor> tensors, Module<Tensor, Tensor> network, string path)
    {
        if (StateDictionary.NotFinite(tensors) is { } notFinite)
            throw new InvalidDataException($"{path} cannot be used: {notFinite}.");
        StateDictionary.Copy(tensors, network);
    }

    private static string Closest(IReadOnlyDictionary<string, Tensor> tensors) =>
        tensors.Count == 0 ? "it is empty" : $"its tensors are {string.Join(", ", tensors.Keys.Take(3))}{(tensors.Count > 3 ? ", ..." : "")}";
}
