namespace MnistCnn.Data;

/// <summary>Training and test images of one shape, with the class names that their labels index.</summary>
/// <param name="Folder">Full path that the set was read from.</param>
/// <param name="Normalization">Measured on the training images, or of the weights that a training starts from.</param>
/// <param name="Fit">How images from elsewhere are resized to the set's shape.</param>
/// <param name="Sha256">Fingerprint of the set: lower-case SHA-256 by the name of each file that was read.</param>
internal sealed record DataSet(
    string Folder,
    LabeledImages Train,
    LabeledImages Test,
    IReadOnlyList<string> ClassNames,
    Normalization Normalization,
    ImageFit Fit,
    IReadOnlyDictionary<string, string> Sha256) : IDisposable
{
    /// <summary>Resolved settings that a folder of images was read with; null for IDX and CIFAR files.</summary>
    public ImageSettings? ImageSettings { get; init; }

    public LabeledImages? Validation { get; init; }

    /// <summary>Subfolder by split (train, validation, test) of a folder that is split; null for other sets.</summary>
    public IReadOnlyDictionary<string, string>? Splits { get; init; }

    /// <summary>Whether the validation images are also the test images, because there are no others.</summary>
    public bool IsTestedOnValidation => Splits is not null && Splits.GetValueOrDefault("validation") == Splits["test"];

    public LoadReport Report { get; init; } = new(Train.Count, Test.Count);

    public int Channels => (int)Train.Images.shape[1];
    public int Height => (int)Train.Images.shape[2];
    public int Width => (int)Train.Images.shape[3];

    /// <summary>One line: "12,480 colour images of 64x64 in 6 classes, 80 % to train on", or "...: 700 in train, 200 in test".</summary>
    public string Description
    {
        get
        {
            var total = Report.TrainImages + Report.ValidationImages + Report.TestImages;
            var parts = Splits is null ? $", {100.0 * Report.TrainImages / total:F0} % to train on"
                : $": {Report.TrainImages:N0} in {Splits["train"]}, "
                    + (Validation is null ? "" : $"{Report.ValidationImages:N0} in {Splits["validation"]}, ")
                    + $"{Report.TestImages:N0} in {Splits["test"]}";
            var kind = Channels == 1 ? "grey" : "colour";
            return $"{total:N0} {kind} images of {Height}x{Width} in {ClassNames.Count:N0} classes{parts}";
        }
    }

    public void Dispose()
    {
        Train.Dispose();
        Validation?.Dispose();
        Test.Dispose();
    }
}

/// <summary>Numbers of images in the files, whatever the limits, and problems found while reading.</summary>
internal sealed record LoadReport(long TrainImages, long TestImages)
{
    /// <summary>Number of different test files with the same bytes as a training file.</summary>
    public int LeakedTestFiles { get; init; }

    public long ValidationImages { get; init; }

    /// <summary>One message per image file that could not be read.</summary>
    public IReadOnlyList<string> Unreadable { get; init; } = [];

    public SkippedFiles? Skipped { get; init; }
}

/// <summary>Files in a folder of images that are not in the data set.</summary>
/// <param name="Extensions">Number of files in class folders that are no images, by extension.</param>
internal sealed record SkippedFiles(
    IReadOnlyDictionary<string, int> Extensions, int InSubfolders, int OutsideClasses, IReadOnlyList<string> EmptyFolders)
{
    /// <summary>One line, such as "12 .heic, 3 .txt files; 40 files in sub-folders of classes"; empty if nothing was skipped.</summary>
    public override string ToString() => string.Join("; ", new[]
    {
        Extensions.Count == 0 ? null
            : $"{string.Join(", ", Extensions.Select(pair => $"{pair.Value:N0} {(pair.Key == "" ? "extensionless" : pair.Key)}"))} files",
        InSubfolders == 0 ? null : $"{InSubfolders:N0} file{(InSubfolders == 1 ? "" : "s")} in sub-folders of classes",
        OutsideClasses == 0 ? null : $"{OutsideClasses:N0} image{(OutsideClasses == 1 ? "" : "s")} outside the class folders",
        EmptyFolders.Count == 0 ? null : $"folders without images: {string.Join(", ", EmptyFolders)}",
    }.Where(part => part is not null));
}

/// <summary>Labelled images in the memory of the machine or of a device.</summary>
/// <param name="Images">Pixels, 0 is black: (N, C, H, W), uint8. Or features: (N, F), float32.</param>
/// <param name="Labels">Classes from 0: (N), int64.</param>
internal sealed record LabeledImages(Tensor Images, Tensor Labels) : IDisposable
{
    public long Count => Labels.shape[0];

    /// <summary>Returns a view of some images, which shares their memory.</summary>
    public LabeledImages Slice(long start, long count) => new(Images.narrow(0, start, count), Labels.narrow(0, start, count));

    public LabeledImages To(Device device) => new(Images.to(device), Labels.to(device));

    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}
