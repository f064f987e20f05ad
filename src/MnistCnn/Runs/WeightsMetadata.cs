using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>
/// Metadata of a weights file: the images and classes that the network was trained on, and the origin of the weights. PyTorch's files
/// have none: with 1,000 classes of colour images they count as weights of ImageNet, and otherwise of MNIST.
/// </summary>
/// <param name="Images">Converts image files to images like those that the network was trained on.</param>
internal sealed record WeightsMetadata(
    NetworkShape Shape, IReadOnlyList<string> ClassNames, Normalization Normalization, ImageSettings Images)
{
    private const string FolderSha256Key = "pictures";

    private static readonly WeightsMetadata Mnist = new(
        NetworkShape.Mnist,
        Data.ClassNames.Numbers(NetworkShape.Mnist.Classes),
        Normalization.Mnist,
        ImageSettingsOf(NetworkShape.Mnist, ImageFit.Ink, testShare: null));

    private static readonly NetworkShape ImageNetShape = new(3, 224, 224, 1000);

    public string? Architecture { get; init; }

    public long? Seed { get; init; }

    public int? Epoch { get; init; }

    /// <summary>Test accuracy after <see cref="Epoch"/>, in percent.</summary>
    public double? TestAccuracy { get; init; }

    /// <summary>Fingerprint of the image folder that the program split into training and test images; null for other data sets.</summary>
    public string? FolderSha256 { get; init; }

    public static WeightsMetadata Of(DataSet data)
    {
        var shape = TrainableModel.ShapeOf(data);
        var testShare = data.ImageSettings?.TestShare;
        return new WeightsMetadata(shape, data.ClassNames, data.Normalization, ImageSettingsOf(shape, data.Fit, testShare))
        {
            FolderSha256 = testShare is null ? null : data.Sha256[FolderSha256Key],
        };
    }

    public static WeightsMetadata Read(SafetensorsFile file, string path)
    {
        var texts = file.Metadata;
        return (texts.ContainsKey("shape") ? ReadDataSet(texts, path) : IsOfImageNet(file) ? OfImageNet(file) : Mnist) with
        {
            Architecture = texts.GetValueOrDefault("architecture"),
            Seed = Parse<long>("seed"),
            Epoch = Parse<int>("epoch"),
            TestAccuracy = Parse<double>("test_accuracy"),
            FolderSha256 = texts.GetValueOrDefault(FolderSha256Key),
        };

        T? Parse<T>(string key)
            where T : struct, IParsable<T> =>
            T.TryParse(texts.GetValueOrDefault(key), CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    /// <summary>Text by key, as <see cref="Read"/> takes it.</summary>
    public Dictionary<string, string> ToDictionary()
    {
        (string Key, object? Value)[] pairs =
        [
            ("architecture", Architecture),
            ("seed", Seed),
            ("epoch", Epoch),
            ("test_accuracy", TestAccuracy),
            ("shape", Shape.Input),
            ("classes", JsonSerializer.Serialize(ClassNames, JsonFormat.Line)),
            ("mean", string.Join(',', Normalization.Mean)),
            ("deviation", string.Join(',', Normalization.Std)),
            ("fit", $"{Images.Fit}".ToLowerInvariant()),
            ("test_share", Images.TestShare),
            (FolderSha256Key, FolderSha256),
        ];
        return pairs.Where(pair => pair.Value is not null).ToDictionary(pair => pair.Key, pair => $"{pair.Value}");
    }

    /// <summary>True if test images may have been training images, because their folder was split differently or has changed.</summary>
    public bool MayHaveTrainedOnTestImages(DataSet data) =>
        FolderSha256 is not null && data.ImageSettings?.TestShare is { } testShare
        && (data.Sha256[FolderSha256Key] != FolderSha256 || testShare > Images.TestShare);

    private static WeightsMetadata ReadDataSet(IReadOnlyDictionary<string, string> texts, string path)
    {
        var isMnist = texts["shape"] == NetworkShape.Mnist.Input;
        var defaultFit = isMnist ? ImageFit.Ink : ImageFit.Stretch;
        var hasFit = Enum.TryParse<ImageFit>(texts.GetValueOrDefault("fit", $"{defaultFit}"), ignoreCase: true, out var fit);
        var names = texts.TryGetValue("classes", out var classes) ? JsonFormat.Parse<string[]>(classes, path) : [];
        var normalization = new Normalization(Numbers("mean"), Numbers("deviation"));
        var testShare = texts.ContainsKey("test_share") ? Numbers("test_share")[0] : (double?)null;
        if (NetworkShape.Parse(texts["shape"]) is not { } shape
            || !normalization.IsPossible || !normalization.Fits(shape.Channels)
            || names.Length == 0 || names.Any(string.IsNullOrEmpty) || names.Distinct().Count() < names.Length
            || !hasFit || !Enum.IsDefined(fit) || (fit is ImageFit.Ink && !isMnist)
            || (testShare is { } share && !ImageSettings.IsTestFraction(share)))
            throw new InvalidDataException($"{path} is damaged: its metadata name impossible images or classes.");
        return new WeightsMetadata(shape with { Classes = names.Length }, names, normalization, ImageSettingsOf(shape, fit, testShare));

        double[] Numbers(string key) =>
        [
            .. texts.GetValueOrDefault(key, "").Split(',')
                .Select(text => double.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : double.NaN),
        ];
    }

    // A linear layer of 1,000 outputs, and a convolution that reads red, green and blue.
    private static bool IsOfImageNet(SafetensorsFile file) =>
        file.Tensors.Values.Any(tensor => tensor.shape is [var classes, _] && classes == ImageNetShape.Classes)
        && file.Tensors.Values.Any(tensor => tensor.shape is [_, var channels, _, _] && channels == ImageNetShape.Channels);

    private static WeightsMetadata OfImageNet(SafetensorsFile file) => new(
        ImageNetShape,
        Data.ClassNames.Numbers(ImageNetShape.Classes),
        file.Tensors.Keys.Any(name => name.Contains("inception3a.", StringComparison.Ordinal))
            ? Normalization.ImageNetOfGoogLeNet
            : Normalization.ImageNet,
        ImageSettingsOf(ImageNetShape, ImageFit.Crop, testShare: null));

    private static ImageSettings ImageSettingsOf(NetworkShape shape, ImageFit fit, double? testShare) =>
        new(shape.Height, shape.Width, fit, Grey: shape.Channels == 1, testShare);
}
