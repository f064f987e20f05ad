using MnistCnn.Data;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Data;

/// <summary>Whether the digit is found in 800 photos and scans of 20 hard styles.</summary>
[Trait("Speed", "Slow")]
public sealed class HardImagesTests : IDisposable
{
    private readonly DataSet data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1);
    private readonly TrainedNetwork model = TrainedNetwork.Load(Fixture.PathOf("residual-trained.safetensors"));

    public HardImagesTests() => model.Network.eval();

    public void Dispose()
    {
        model.Dispose();
        data.Dispose();
    }

    // All 800 images take a minute or more: only the first ones of each style are read, unless MNIST_CNN_PICTURES=all.
    [Fact]
    public void The_digit_is_found_in_hard_images()
    {
        var perStyle = Environment.GetEnvironmentVariable("MNIST_CNN_PICTURES") == "all" ? HardImages.PerStyle : 6;
        var pictures = new HardImages(data.Test, Recognise, seed: 1);
        var styles = HardImages.Styles.Keys.ToArray();
        var (right, numbers) = (new int[styles.Length], new int[styles.Length]);
        Parallel.For(0, styles.Length * perStyle, at =>
        {
            var (index, style) = Math.DivRem(at, styles.Length);
            var (file, digit) = pictures.Make(styles[style], index);
            if (DigitImage.ReadAll(file, "picture") is not { } row)
                return;
            if (Recognise(row.Main) == digit)
                Interlocked.Increment(ref right[style]);
            if (row.Digits.Count > 1)
                Interlocked.Increment(ref numbers[style]);
        });

        var report = string.Join(
            '\n', styles.Zip(right, numbers).Select(row => $"{row.Second,3} of {perStyle}, {row.Third} as several digits: {row.First}"));
        report = $"{right.Sum()} of {perStyle * styles.Length}\n{report}";
        Assert.True(right.Sum() >= 0.96 * perStyle * styles.Length, report);
        Assert.True(numbers.Sum() <= 0.01 * perStyle * styles.Length, report);
        Assert.True(right.Min() >= 0.75 * perStyle, report);
        Assert.True(right[Array.IndexOf(styles, HardImages.ThinFaintInk)] >= 0.9 * perStyle, report);
    }

    private int Recognise(byte[] pixels)
    {
        using var image = tensor(pixels, [1, DigitImage.Side, DigitImage.Side]);
        return Evaluator.Predict(model.Network, model.Normalization, image, CPU)[0].Class;
    }
}
