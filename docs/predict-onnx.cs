// Classifies an image with a network that `export` wrote, without libtorch:
//     dotnet run docs/predict-onnx.cs model.onnx image.png
#:package Microsoft.ML.OnnxRuntime@1.31.1
#:package SkiaSharp@3.119.4
#:package SkiaSharp.NativeAssets.Linux.NoDependencies@3.119.4
#:property ManagePackageVersionsCentrally=false
#:property PublishAot=false

using System.Globalization;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;

var missing = args.FirstOrDefault(path => !File.Exists(path));
if (args is not [var modelPath, var imagePath] || missing is not null)
{
    Console.Error.WriteLine(missing is null ? "usage: predict-onnx.cs MODEL.onnx IMAGE" : $"error: {missing} does not exist.");
    return 2;
}

// The metadata describe the input: channels x height x width, the conversion of image files, and the normalization per channel.
using var session = new InferenceSession(modelPath);
var (inputName, outputName) = (session.InputNames[0], session.OutputNames[0]);
var metadata = session.ModelMetadata.CustomMetadataMap;
var (shape, fit) = (Array.ConvertAll(metadata["shape"].Split('x'), int.Parse), metadata["fit"]);
var (channels, height, width) = (shape[0], shape[1], shape[2]);
var (mean, deviation) = (Numbers("mean"), Numbers("deviation"));

// Resized as the training images were: crop fills the input, pad fits into it over white, stretch and ink change the aspect ratio.
using var image = SKImage.FromEncodedData(imagePath) ?? throw new InvalidDataException($"{imagePath} is not an image.");
var (scaleX, scaleY) = ((float)width / image.Width, (float)height / image.Height);
if (fit is "crop" or "pad")
    scaleX = scaleY = fit is "crop" ? Math.Max(scaleX, scaleY) : Math.Min(scaleX, scaleY);
using var resized = new SKBitmap(width, height);
using var canvas = new SKCanvas(resized);
canvas.Clear(SKColors.White);
canvas.Translate((width - scaleX * image.Width) / 2, (height - scaleY * image.Height) / 2);
canvas.Scale(scaleX, scaleY);
canvas.DrawImage(image, 0, 0, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));

// Bytes (C, H, W). A drawing must be light on dark, as in MNIST: it is inverted if its border is light.
var pixels = Enumerable.Range(0, channels).SelectMany(channel => resized.Pixels.Select(colour => Value(colour, channel))).ToArray();
var border = pixels.Where((_, at) => at < width || at >= width * (height - 1) || at % width is 0 || at % width == width - 1);
if (fit is "ink" && border.Average(pixel => pixel) > 127)
    pixels = Array.ConvertAll(pixels, pixel => (byte)(255 - pixel));

// A file made with --uint8 takes bytes; others take normalized numbers.
using var input = session.InputMetadata[inputName].ElementType == typeof(byte)
    ? OrtValue.CreateTensorValueFromMemory(pixels, [1, channels, height, width])
    : OrtValue.CreateTensorValueFromMemory(pixels.Select(Normalize).ToArray(), [1, channels, height, width]);
using var options = new RunOptions();
using var outputs = session.Run(options, [inputName], [input], [outputName]);

// A file made with --probabilities returns probabilities; others return logits.
var scores = outputs[0].GetTensorDataAsSpan<float>().ToArray();
if (outputName == "logits")
    scores = Array.ConvertAll(scores, logit => 1 / scores.Sum(other => MathF.Exp(other - logit)));
var best = Array.IndexOf(scores, scores.Max());
var name = JsonDocument.Parse(metadata["classes"]).RootElement[best];
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}  {100 * scores[best]:F2} %"));
return 0;

float[] Numbers(string key) => Array.ConvertAll(metadata[key].Split(','), text => float.Parse(text, CultureInfo.InvariantCulture));
float Normalize(byte pixel, int at) => (pixel / 255f - Of(mean, at)) / Of(deviation, at);
float Of(float[] perChannel, int at) => perChannel[at / (width * height) % perChannel.Length];
byte Value(SKColor colour, int channel) => channels == 1
    ? (byte)((299 * colour.Red + 587 * colour.Green + 114 * colour.Blue + 500) / 1000)
    : channel == 0 ? colour.Red : channel == 1 ? colour.Green : colour.Blue;
