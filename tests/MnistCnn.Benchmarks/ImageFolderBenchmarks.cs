using BenchmarkDotNet.Attributes;
using MnistCnn.Data;
using MnistCnn.Runtime;
using SkiaSharp;

namespace MnistCnn.Benchmarks;

/// <summary>
/// Reads a folder of images as a data set, and for comparison decodes the same files with SkiaSharp alone. Both use a thread per core.
/// </summary>
[InProcess]
public class ImageFolderBenchmarks
{
    private const int Classes = 10;

    private readonly string folder = Directory.CreateTempSubdirectory("mnist-cnn-images-").FullName;
    private string[] files = [];

    /// <summary>Small grey files as in MNIST, or colour files that are larger than the images of the data set.</summary>
    [Params("4000 PNG of 28x28", "200 JPEG of 640x480")]
    public string Kind { get; set; } = "";

    [GlobalSetup]
    public void SetUp()
    {
        NativeLibraries.Load();
        var isSmall = Kind.Contains("PNG", StringComparison.Ordinal);
        for (var index = 0; index < (isSmall ? 4000 : 200); index++)
        {
            var path = Path.Combine(folder, $"{index % Classes}", $"{index}.{(isSmall ? "png" : "jpg")}");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, isSmall
                ? Encode(28, 28, SKColorType.Gray8, SKEncodedImageFormat.Png, index)
                : Encode(640, 480, SKColorType.Rgba8888, SKEncodedImageFormat.Jpeg, index));
        }

        files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
    }

    [GlobalCleanup]
    public void CleanUp() => Directory.Delete(folder, recursive: true);

    /// <summary>Decodes in the files' own size.</summary>
    [Benchmark(Baseline = true)]
    public void SkiaSharpAlone() => Parallel.ForEach(
        files, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, path => SKBitmap.Decode(path).Dispose());

    /// <summary>Checks, hashes, decodes in the files' own size, and sorts.</summary>
    [Benchmark]
    public void DataSet()
    {
        var settings = Kind.Contains("PNG", StringComparison.Ordinal) ? new ImageSettings() : new ImageSettings(480, 640);
        ImageFolder.Load(folder, settings).Dispose();
    }

    /// <summary>As <see cref="DataSet"/>, resized to 64x64; JPEG files are decoded at a reduced scale.</summary>
    [Benchmark]
    public void DataSetOf64x64() => ImageFolder.Load(folder, new ImageSettings(64, 64)).Dispose();

    private static byte[] Encode(int width, int height, SKColorType type, SKEncodedImageFormat format, int seed)
    {
        using var bitmap = new SKBitmap(width, height, type, SKAlphaType.Opaque);
        using var canvas = new SKCanvas(bitmap);
        using var paint = new SKPaint { IsAntialias = true };
        var random = new Random(seed);
        canvas.Clear(SKColors.Black);
        for (var blob = 0; blob < 12; blob++)
        {
            paint.Color = new SKColor((uint)random.Next() | 0xff000000);
            canvas.DrawCircle(width * random.NextSingle(), height * random.NextSingle(), height / 5f * random.NextSingle(), paint);
        }

        using var data = bitmap.Encode(format, 90);
        return data.ToArray();
    }
}
