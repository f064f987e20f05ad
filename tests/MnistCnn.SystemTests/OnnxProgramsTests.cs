using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using MnistCnn.Data;
using MnistCnn.Runtime;
using MnistCnn.Tests;
using SkiaSharp;

namespace MnistCnn.SystemTests;

/// <summary>docs/predict-onnx.cs and docs/compare-onnx.cs, which do not use this program.</summary>
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
    public void Compare_onnx_counts_as_many_correct_predictions_as_PyTorch()
    {
        var model = folder.Export(OnnxFolder.TrainedResidual, "--uint8");
        var run = ProgramRun.OfDotnet(RepositoryRoot.FullPath, "run", "docs/compare-onnx.cs", model);
        Assert.Equal((0, "", "9887 of 10000\n"), (run.ExitCode, run.Error, run.Output));
    }

    [Fact]
    public void Predict_onnx_names_a_missing_file()
    {
        var model = folder.Export(OnnxFolder.TrainedResidual);
        var run = ProgramRun.OfDotnet(RepositoryRoot.FullPath, "run", "docs/predict-onnx.cs", model, "digit.png");
        Assert.Equal((2, "error: digit.png does not exist.\n", ""), (run.ExitCode, run.Error, run.Output));
    }

    // Colour images of another size, whose classes differ in colour and in the place of a bright bar, cropped or padded.
    [Theory]
    [InlineData("crop")]
    [InlineData("pad")]
    [InlineData("stretch")]
    public void Predict_onnx_agrees_with_predict_for_colour_networks(string fit)
    {
        (string Name, SKColor Colour, int Left)[] classes =
            [("mohn", SKColors.Crimson, 8), ("青", SKColors.SteelBlue, 8), ("rechts", SKColors.SteelBlue, 40)];
        var random = new Random(1);
        foreach (var (name, colour, left) in classes)
            for (var index = 0; index < 30; index++)
                SaveBar(folder[$"data/{name}/{index}.png"], colour, left + random.Next(8), random);
        string[] train = ["train", "--arch", "residual", "--epochs", "3", "--batch-size", "8", "--image-size", "24x32", "--fit", fit];
        Assert.Equal(0, ProgramRun.Of(folder[""], [.. train, "--data", folder["data"], "--out", folder["run"]]).ExitCode);
        var model = folder.Export(folder["run"], fit == "pad" ? ["--uint8", "--probabilities"] : []);
        foreach (var (_, colour, left) in classes)
        {
            SaveBar(folder["new.png"], colour, left + 3, random);
            var json = ProgramRun.Of(folder[""], "predict", folder["run"], folder["new.png"], "--json");
            var expected = JsonDocument.Parse(json.Output).RootElement[0];
            var run = ProgramRun.OfDotnet(RepositoryRoot.FullPath, "run", "docs/predict-onnx.cs", model, folder["new.png"]);
            Assert.Equal((0, ""), (run.ExitCode, run.Error));
            var answer = Regex.Match(run.Output, @"^(.+)  (\d+\.\d\d) %\n$");
            Assert.Equal(expected.GetProperty("name").GetString(), answer.Groups[1].Value);
            var probability = double.Parse(answer.Groups[2].Value, CultureInfo.InvariantCulture);
            Assert.Equal(100 * expected.GetProperty("probability").GetDouble(), probability, 0.02);
        }
    }

    [Fact]
    public void Predict_onnx_has_at_most_70_lines() =>
        Assert.InRange(File.ReadAllLines(Path.Combine(RepositoryRoot.FullPath, "docs", "predict-onnx.cs")).Length, 1, 70);

    private static void SaveBar(string path, SKColor colour, int left, Random random) => SmallPictures.Save(path, 60, 90, (x, y) =>
        x >= left && x < left + 8 ? SKColors.White : new SKColor(colour.Red, colour.Green, (byte)(colour.Blue / 2 + random.Next(60))));

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
