// Classifies an image with a network that `export` wrote, without libtorch:
//     dotnet run docs/predict-onnx.cs model.onnx digit.png
#:package Microsoft.ML.OnnxRuntime@1.31.1
#:package SkiaSharp@3.119.4
#:package SkiaSharp.NativeAssets.Linux.NoDependencies@3.119.4
#:property ManagePackageVersionsCentrally=false
#:property PublishAot=false

using System.Globalization;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;

if (args is not [var modelPath, var picturePath])
{
    Console.Error.WriteLine("usage: dotnet run docs/predict-onnx.cs MODEL.onnx PICTURE");
    return 2;
}

using var session = new InferenceSession(modelPath);
var (inputName, outputName) = (session.InputNames[0], session.OutputNames[0]);
var about = session.ModelMetadata.CustomMetadataMap;
var sides = about["shape"].Split('x').Select(int.Parse).ToArray();
if (sides is not [1, var height, var width])
{
    Console.Error.WriteLine($"{modelPath} takes images of {about["shape"]}; this program makes grey ones.");
    return 1;
}

// Grey, of the network's size; light on dark, as MNIST is: where the edge is light, the picture is turned over.
using var picture = SKBitmap.Decode(picturePath) ?? throw new InvalidDataException($"{picturePath} is not a picture.");
using var small = picture.Resize(new SKImageInfo(width, height), new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
var pixels = small.Pixels.Select(pixel => (byte)((299 * pixel.Red + 587 * pixel.Green + 114 * pixel.Blue) / 1000)).ToArray();
var edge = pixels.Where((_, place) => place < width || place >= width * (height - 1) || place % width is 0 || place % width == width - 1);
if (edge.Average(pixel => pixel) > 127)
    pixels = [.. pixels.Select(pixel => (byte)(255 - pixel))];

// With --uint8, the pixels go in as they are; otherwise they are normalised here.
long[] shape = [1, 1, height, width];
var (mean, deviation) = (Number("mean"), Number("deviation"));
using var input = session.InputMetadata[inputName].ElementType == typeof(byte)
    ? OrtValue.CreateTensorValueFromMemory(pixels, shape)
    : OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(pixels, pixel => (pixel / 255f - mean) / deviation), shape);
using var options = new RunOptions();
using var outputs = session.Run(options, [inputName], [input], [outputName]);

// With --probabilities, those come out; otherwise they are made of the logits here.
var numbers = outputs[0].GetTensorDataAsSpan<float>().ToArray();
if (outputName == "logits")
    numbers = Array.ConvertAll(numbers, logit => 1 / numbers.Sum(other => MathF.Exp(other - logit)));
var best = Array.IndexOf(numbers, numbers.Max());
var classes = JsonDocument.Parse(about["classes"]).RootElement;
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{classes[best]}  {100 * numbers[best]:F2} %"));
return 0;

float Number(string key) => float.Parse(about[key], CultureInfo.InvariantCulture);
