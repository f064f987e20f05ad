// Lesson 4: from your own folder of images to an ONNX file.
//     dotnet run docs/lessons/4-own-images.cs
//     dotnet run docs/lessons/4-own-images.cs -- FOLDER     (with one subfolder of images per class)
//
// You will see: without FOLDER, the program first draws 300 circles, squares and triangles into the folder "shapes". It decodes the
// images to 32x32 pixels, keeps every fifth one for the test, trains a small network with batch normalization for ten epochs and writes
// own-images.onnx. The metadata of that file name the classes and say how to prepare an image, so that another program needs neither
// TorchSharp nor this source: dotnet run docs/predict-onnx.cs own-images.onnx shapes/circle/0.png
// MnistCnn.OnnxExport is this repository's library: elsewhere, write #:package MnistCnn.OnnxExport@0.2.0 instead of the line #:project.
#:project ../../src/MnistCnn.OnnxExport
#:package libtorch-cpu-$(NETCoreSdkPortableRuntimeIdentifier)@2.10.0
#:package Google.Protobuf@3.30.2
#:package SkiaSharp@3.119.4
#:package SkiaSharp.NativeAssets.Linux.NoDependencies@3.119.4
#:property ManagePackageVersionsCentrally=false
#:property PublishAot=false

using System.Text.Json;
using MnistCnn.OnnxExport;
using SkiaSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;
using static TorchSharp.torch.utils.data;

const int size = 32;
manual_seed(1);
var folder = args is [var name] ? name : DrawShapes("shapes");
var classes = Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal).ToArray();
var files = classes.SelectMany((name, label) => Directory.GetFiles(Path.Combine(folder, name)).Order(StringComparer.Ordinal)
    .Select(path => (Path: path, Label: (long)label))).ToArray();
Console.WriteLine($"{files.Length} images of {classes.Length} classes: {string.Join(", ", classes)}");

var train = Load(files.Where((_, index) => index % 5 != 4));
var test = Load(files.Where((_, index) => index % 5 == 4));
var net = Sequential(
    Conv2d(3, 16, kernel_size: 3, padding: 1), BatchNorm2d(16), ReLU(), MaxPool2d(2), // (N, 16, 16, 16)
    Conv2d(16, 32, kernel_size: 3, padding: 1), BatchNorm2d(32), ReLU(), MaxPool2d(2), // (N, 32, 8, 8)
    Conv2d(32, 64, kernel_size: 3, padding: 1), BatchNorm2d(64), ReLU(), AdaptiveAvgPool2d(1), // (N, 64, 1, 1)
    Flatten(), Linear(64, classes.Length));
var optimizer = optim.SGD(net.parameters(), learningRate: 0.05, momentum: 0.9);

for (var epoch = 1; epoch <= 10; epoch++)
{
    net.train();
    foreach (var batch in DataLoader(train, 32, shuffle: true, seed: epoch, disposeDataset: false))
    {
        using var scope = NewDisposeScope();
        var loss = cross_entropy(net.call(batch[0]), batch[1]);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
    }

    net.eval(); // batch normalization then uses the statistics of all training images
    using var noGrad = no_grad();
    var correct = 0L;
    foreach (var batch in DataLoader(test, 32, disposeDataset: false))
        correct += net.call(batch[0]).argmax(dim: 1).eq(batch[1]).sum().item<long>();
    Console.WriteLine($"Epoch {epoch}: {100.0 * correct / test.Count:F1} % of {test.Count} test images");
}

OnnxExporter.Export(net, "own-images.onnx", [1, 3, size, size], new OnnxExportOptions
{
    OutputName = "logits",
    Metadata = new Dictionary<string, string>
    {
        ["classes"] = JsonSerializer.Serialize(classes, JsonSerializerOptions.Default),
        ["shape"] = $"3x{size}x{size}",
        ["fit"] = "stretch",
        ["mean"] = "0.5",
        ["deviation"] = "0.25",
    },
});
Console.WriteLine("""
    The network is in own-images.onnx.

    Try it: take 20 photos each of two things on your desk. How many does the network get right? Which ones does it confuse?
    Then remove net.eval(): why does the accuracy change with the size of the batch?
    """);

// Normalized images (N, 3, 32, 32) and their labels (N).
TensorDataset Load(IEnumerable<(string Path, long Label)> files)
{
    var images = files.Select(file => Decode(file.Path)).ToArray();
    return TensorDataset((stack(images) - 0.5) / 0.25, tensor(files.Select(file => file.Label).ToArray()));
}

// RGB (3, 32, 32), from 0 to 1.
static Tensor Decode(string path)
{
    using var bitmap = SKBitmap.Decode(path) ?? throw new InvalidDataException($"{path} is not an image.");
    using var small = bitmap.Resize(new SKImageInfo(size, size), new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
    return tensor(small.Pixels.SelectMany(pixel => new[] { pixel.Red, pixel.Green, pixel.Blue }).ToArray())
        .view(size, size, 3).permute(2, 0, 1).to(float32) / 255;
}

static string DrawShapes(string folder)
{
    var random = new Random(1);
    foreach (var (shape, sides) in new[] { ("circle", 90), ("square", 4), ("triangle", 3) })
        for (var number = 0; number < 100; number++)
        {
            using var bitmap = new SKBitmap(64, 64);
            using var canvas = new SKCanvas(bitmap);
            using var paint = new SKPaint { IsAntialias = true, Color = SKColor.FromHsv(360 * random.NextSingle(), 30, 95) };
            canvas.Clear(SKColor.FromHsv(360 * random.NextSingle(), 30, 35));
            var (x, y, radius, turn) = (24 + random.Next(16), 24 + random.Next(16), 12 + random.Next(10), 0.5 * random.NextDouble());
            using var path = new SKPath();
            path.AddPoly([.. Enumerable.Range(0, sides).Select(corner => turn + 2 * Math.PI * corner / sides)
                .Select(angle => new SKPoint(x + radius * (float)Math.Cos(angle), y + radius * (float)Math.Sin(angle)))]);
            canvas.DrawPath(path, paint);
            using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            Directory.CreateDirectory(Path.Combine(folder, shape));
            File.WriteAllBytes(Path.Combine(folder, shape, $"{number}.png"), data.ToArray());
        }
    return folder;
}
