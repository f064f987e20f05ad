using MnistCnn.Data;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.SystemTests;

/// <summary>Fashion-MNIST of Debian's package dataset-fashion-mnist, as IDX files and as an image folder.</summary>
public sealed class FashionTests : IDisposable
{
    private const string Package = "/usr/share/datasets/fashion-mnist";
    private const int Limit = 6400;

    private readonly TemporaryFolder folder = new();

    static FashionTests() => NativeLibraries.Load();

    public void Dispose() => folder.Dispose();

    // Images are the same to the bit. Losses are the same if the IDX files are written in the folder's order.
    [Fact]
    public void An_image_folder_gives_the_same_training_as_its_IDX_files()
    {
        Assert.SkipUnless(Directory.Exists(Package), "the package dataset-fashion-mnist is not installed");
        using (var whole = DataReader.Load(Package))
        {
            Assert.Equal("70,000 grey images of 28x28 in 10 classes, 86 % to train on", whole.Description);
            Assert.Equal((ImageFit.Stretch, 60_000L, 10_000L), (whole.Fit, whole.Train.Count, whole.Test.Count));
        }

        using var idx = DataReader.Load(Package, trainLimit: Limit, testLimit: 1000);
        SmallPictures.WriteImages(idx.Train, folder["pictures/train"]);
        SmallPictures.WriteImages(idx.Test, folder["pictures/test"]);
        using var pictures = DataReader.Load(folder["pictures"]);
        AssertSameImages(idx.Train, pictures.Train);
        AssertSameImages(idx.Test, pictures.Test);

        SmallMnist.Write(folder["idx"], pictures);
        using var written = DataReader.Load(folder["idx"], testLimit: 500);
        using var again = DataReader.Load(folder["pictures"], testLimit: 500);
        Assert.Equal(written.Normalization, pictures.Normalization);
        Assert.Equal(Losses(written), Losses(again with { Normalization = written.Normalization }));
    }

    // The order differs, so the sets are compared as multisets of images with labels.
    private static void AssertSameImages(LabeledImages expected, LabeledImages actual)
    {
        Assert.Equal(Rows(expected), Rows(actual));

        static string[] Rows(LabeledImages set)
        {
            var (pixels, labels) = (set.Images.bytes.ToArray(), set.Labels.data<long>().ToArray());
            var rows = labels.Select((label, index) => $"{label}{Convert.ToHexString(pixels, 784 * index, 784)}");
            return [.. rows.Order(StringComparer.Ordinal)];
        }
    }

    private static double[] Losses(DataSet data)
    {
        using var trainer = Trainer.Create(new TrainSettings { Epochs = 1 }, data, CPU);
        trainer.Fit([]);
        return [trainer.Progress.History[0].TrainLoss, trainer.Progress.History[0].TestLoss];
    }
}
