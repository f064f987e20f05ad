using System.Globalization;
using System.Text.RegularExpressions;
using MnistCnn.Data;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using SkiaSharp;

namespace MnistCnn.SystemTests;

/// <summary>docs/predict-onnx.cs and the program in docs/export.md, which do not use this program.</summary>
public sealed class OnnxProgramsTests : IDisposable
{
    private readonly OnnxFolder folder = new();

    static OnnxProgramsTests() => NativeLibraries.Load();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Predict_onnx_predicts_test_images_correctly()
    {
        using var data = IdxReader.Load(IdxReader.BundledMnist, trainLimit: 1, testLimit: 10);
        var normalised = folder.Export(OnnxFolder.TrainedResidual);
        for (var index = 0; index < 4; index++)
            AssertPredicted(data, index, normalised, scale: 1, isDarkOnLight: false);

        // Dark on light, and larger than the input of the network.
        var pixels = folder.Export(OnnxFolder.TrainedResidual, "--uint8", "--probabilities");
        for (var index = 4; index < 8; index++)
            AssertPredicted(data, index, pixels, scale: 10, isDarkOnLight: true);
    }

    // PyTorch counted as many correct predictions on MNIST's test set after training these weights.
    [Fact]
    public void The_program_in_the_page_counts_as_many_correct_predictions_as_PyTorch()
    {
        var page = File.ReadAllText(Path.Combine(RepositoryRoot.FullPath, "docs", "export.md"));
        var program = Assert.Single(Regex.Matches(page, "```csharp\n(.*?)```", RegexOptions.Singleline)).Groups[1].Value;
        File.WriteAllText(folder["compare.cs"], program);
        var model = folder.Export(OnnxFolder.TrainedResidual, "--uint8");
        var run = ProgramRun.OfDotnet(RepositoryRoot.FullPath, "run", folder["compare.cs"], model);
        Assert.Equal((0, "", "9887 of 10000\n"), (run.ExitCode, run.Error, run.Output));
    }

    [Fact]
    public void Predict_onnx_has_fewer_than_60_lines() =>
        Assert.InRange(File.ReadAllLines(Path.Combine(RepositoryRoot.FullPath, "docs", "predict-onnx.cs")).Length, 1, 59);

    private void AssertPredicted(DataSet data, int index, string model, int scale, bool isDarkOnLight)
    {
        Save(data.Test.Images[index].data<byte>().ToArray(), scale, isDarkOnLight);
        var run = ProgramRun.OfDotnet(RepositoryRoot.FullPath, "run", "docs/predict-onnx.cs", model, folder["digit.png"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var answer = Assert.Single(Regex.Matches(run.Output, @"^(\d)  (\d+\.\d\d) %\n$"));
        Assert.Equal(data.Test.Labels[index].item<long>().ToString(CultureInfo.InvariantCulture), answer.Groups[1].Value);
        Assert.InRange(double.Parse(answer.Groups[2].Value, CultureInfo.InvariantCulture), 60, 100);
    }

    private void Save(byte[] pixels, int scale, bool isDarkOnLight)
    {
        const int Side = 28;
        using var bitmap = new SKBitmap(Side * scale, Side * scale);
        for (var y = 0; y < bitmap.Height; y++)
            for (var x = 0; x < bitmap.Width; x++)
            {
                var light = pixels[y / scale * Side + x / scale];
                if (isDarkOnLight)
                    light = (byte)(byte.MaxValue - light);
                bitmap.SetPixel(x, y, new SKColor(light, light, light));
            }

        using var file = File.Create(folder["digit.png"]);
        Assert.True(bitmap.Encode(file, SKEncodedImageFormat.Png, quality: 100));
    }
}
