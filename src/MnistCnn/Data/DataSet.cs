namespace MnistCnn.Data;

/// <summary>Training and test images of one shape, with the class names that their labels index.</summary>
/// <param name="Folder">Full path that the set was read from.</param>
/// <param name="Normalization">Measured on the training images.</param>
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

    public LoadReport Report { get; init; } = new(Train.Count, Test.Count);

    public int Channels => (int)Train.Images.shape[1];
    public int Height => (int)Train.Images.shape[2];
    public int Width => (int)Train.Images.shape[3];

    /// <summary>One line, such as "12,480 colour images of 64x64 in 6 classes, 80 % to train on".</summary>
    public string Description
    {
        get
        {
            var (total, kind) = (Report.TrainImages + Report.TestImages, Channels == 1 ? "grey" : "colour");
            var trainPercentage = 100.0 * Report.TrainImages / total;
            return $"{total:N0} {kind} images of {Height}x{Width} in {ClassNames.Count:N0} classes, {trainPercentage:F0} % to train on";
        }
    }

    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }
}

/// <summary>Numbers of images in the files, whatever the limits, and problems found while reading.</summary>
internal sealed record LoadReport(long TrainImages, long TestImages)
{
    /// <summary>Number of different test files with the same bytes as a training file.</summary>
    public int LeakedTestFiles { get; init; }

    /// <summary>One message per image file that could not be read and was skipped.</summary>
    public IReadOnlyList<string> Skipped { get; init; } = [];
}

/// <summary>Labelled images in the memory of the machine or of a device.</summary>
/// <param name="Images">Pixels, 0 is black: (N, C, H, W), uint8.</param>
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
