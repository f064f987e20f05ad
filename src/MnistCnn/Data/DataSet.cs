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
public sealed record DataSet(
    string Folder,
    ImageSet Train,
    ImageSet Test,
    IReadOnlyList<string> ClassNames,
    Normalization Normalization,
    PictureFit Fit,
    IReadOnlyDictionary<string, string> Sha256) : IDisposable
{
    /// <summary>Channels of an image.</summary>
    public int Channels => (int)Train.Images.shape[1];

    /// <summary>Pixels of an image from top to bottom.</summary>
    public int Height => (int)Train.Images.shape[2];

    /// <summary>Pixels of an image from left to right.</summary>
    public int Width => (int)Train.Images.shape[3];

    /// <inheritdoc/>
    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }
}
