using System.Globalization;

namespace MnistCnn.Data;

/// <summary>
/// What is learnt from and measured on. It decides the shape of what a network takes, and the classes that come out of it.
/// </summary>
/// <param name="Folder">Where it was read from, as a full path.</param>
/// <param name="Train">The images to learn from.</param>
/// <param name="Test">The images to measure on, of the same shape.</param>
/// <param name="ClassNames">What the labels stand for, in their order.</param>
/// <param name="Normalization">How networks are given its images.</param>
/// <param name="Fit">How pictures from elsewhere become images of its kind.</param>
/// <param name="Sha256">Its fingerprint: the SHA-256 of each file that was read, by its name, in lower-case hexadecimal.</param>
internal sealed record DataSet(
    string Folder,
    LabeledImages Train,
    LabeledImages Test,
    IReadOnlyList<string> ClassNames,
    Normalization Normalization,
    ImageFit Fit,
    IReadOnlyDictionary<string, string> Sha256) : IDisposable
{
    /// <summary>How its pictures were made images; null where there were no pictures.</summary>
    public ImageSettings? Pictures { get; init; }

    /// <summary>How many images there are to train and to test on, whatever the limits.</summary>
    public (long Train, long Test) Found { get; init; } = (Train.Count, Test.Count);

    /// <summary>How many different files to test on are among those to train on too, by their bytes.</summary>
    public int AlsoTrained { get; init; }

    /// <summary>Why pictures were passed over, a line each.</summary>
    public IReadOnlyList<string> PassedOver { get; init; } = [];

    /// <summary>Channels of an image.</summary>
    public int Channels => (int)Train.Images.shape[1];

    /// <summary>Pixels of an image from top to bottom.</summary>
    public int Height => (int)Train.Images.shape[2];

    /// <summary>Pixels of an image from left to right.</summary>
    public int Width => (int)Train.Images.shape[3];

    /// <summary>What it is, in a line: "12,480 colour images of 64x64 in 6 classes, 80 % to train on".</summary>
    public string Description
    {
        get
        {
            var (all, kind) = (Found.Train + Found.Test, Channels == 1 ? "grey" : "colour");
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{all:N0} {kind} images of {Height}x{Width} in {ClassNames.Count:N0} classes, {100.0 * Found.Train / all:F0} % to train on");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }
}
