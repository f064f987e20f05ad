// Lesson 3: the saving of a 1x1 convolution.
//     dotnet run docs/lessons/3-one-by-one.cs
//
// You will see: the article's example, a 5x5 convolution from 192 to 32 channels on 28x28 feature maps. A 1x1 convolution before it
// mixes the 192 channels of each pixel into 16. The program counts multiplications and parameters with and without it, measures both, and
// shows that a 1x1 convolution is one linear layer applied to each pixel.
#:package TorchSharp@0.107.0
#:package libtorch-cpu-$(NETCoreSdkPortableRuntimeIdentifier)@2.10.0
#:property ManagePackageVersionsCentrally=false
#:property PublishAot=false

using System.Diagnostics;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

manual_seed(1);
using var noGrad = no_grad();
var x = randn(1, 192, 28, 28);

// Direct: each of the 28 x 28 outputs of each of 32 channels takes 5 x 5 x 192 multiplications.
Conv2d[] direct = [Conv2d(192, 32, kernel_size: 5, padding: 2)];
Conv2d[] reduced = [Conv2d(192, 16, kernel_size: 1), Conv2d(16, 32, kernel_size: 5, padding: 2)];

Console.WriteLine("                              multiplications   parameters   milliseconds");
var (directTime, reducedTime) = Measure(direct, reduced);
Print("5x5, 192 to 32", direct, directTime);
Print("1x1 to 16, then 5x5 to 32", reduced, reducedTime);
var savings = (double)Multiplications(direct) / Multiplications(reduced);
Console.WriteLine($"Multiplications fall by a factor of {savings:F1}, time by a factor of {directTime / reducedTime:F1}.");

// A 1x1 convolution is a linear layer on the channels of each pixel: one row of weights per output channel.
var mix = reduced[0];
var pixels = x.permute(0, 2, 3, 1).reshape(28 * 28, 192);
var asLinear = pixels.matmul(mix.weight!.view(16, 192).t()) + mix.bias!;
var asConvolution = mix.call(x).permute(0, 2, 3, 1).reshape(28 * 28, 16);
var difference = (asLinear - asConvolution).abs().max().item<float>();
Console.WriteLine($"Largest difference between the 1x1 convolution and a linear layer per pixel: {difference:E0}");

Console.WriteLine("""

    Try it: 16 channels are the bottleneck here. From how many channels on does the pair need more multiplications than the 5x5 alone?
    The two factors above differ. Why? (Hint: how many bytes does each layer read and write?)
    """);

static long Multiplications(IEnumerable<Conv2d> layers) => layers.Sum(layer => layer.weight!.numel() * 28 * 28);

static void Print(string name, Conv2d[] layers, double milliseconds)
{
    var parameters = layers.Sum(layer => layer.parameters().Sum(parameter => parameter.numel()));
    Console.WriteLine($"{name,-28} {Multiplications(layers),16:N0} {parameters,12:N0} {milliseconds,14:F2}");
}

// Medians of 30 passes of each, alternating, so that other programs affect both equally.
(double First, double Second) Measure(Conv2d[] first, Conv2d[] second)
{
    var times = Enumerable.Range(0, 35).Select(_ => (Time(first), Time(second))).Skip(5).ToArray();
    return (Median(times.Select(pair => pair.Item1)), Median(times.Select(pair => pair.Item2)));
}

double Time(Conv2d[] layers)
{
    using var scope = NewDisposeScope();
    var watch = Stopwatch.StartNew();
    _ = layers.Aggregate(x, (input, layer) => layer.call(input));
    return watch.Elapsed.TotalMilliseconds;
}

static double Median(IEnumerable<double> values) => values.Order().ElementAt(15);
