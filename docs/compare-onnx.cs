// Counts the test images of MNIST that a network in an ONNX file classifies correctly. The file must be made with --uint8:
//     dotnet run docs/compare-onnx.cs model.onnx
#:package Microsoft.ML.OnnxRuntime@1.31.1
#:property ManagePackageVersionsCentrally=false
using System.IO.Compression;
using Microsoft.ML.OnnxRuntime;

var (pixels, labels) = (Read("images-idx3", 16), Read("labels-idx1", 8));
using var session = new InferenceSession(args[0]);
using var images = OrtValue.CreateTensorValueFromMemory(pixels, [labels.Length, 1, 28, 28]);
using var options = new RunOptions();
using var outputs = session.Run(options, session.InputNames, [images], session.OutputNames);
var logits = outputs[0].GetTensorDataAsSpan<float>().ToArray().Chunk(10);
var correct = logits.Zip(labels).Count(image => Array.IndexOf(image.First, image.First.Max()) == image.Second);
Console.WriteLine($"{correct} of {labels.Length}");

static byte[] Read(string name, int start)
{
    using var file = new GZipStream(File.OpenRead($"data/mnist/t10k-{name}-ubyte.gz"), CompressionMode.Decompress);
    using var contents = new MemoryStream();
    file.CopyTo(contents);
    return contents.ToArray()[start..];
}
