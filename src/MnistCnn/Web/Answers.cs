using System.Text.Json.Serialization;
using MnistCnn.Inspection;
using MnistCnn.Runs;
using MnistCnn.Training;

namespace MnistCnn.Web;

/// <summary>A network that can be looked into.</summary>
/// <param name="Id">What requests call it.</param>
/// <param name="Title">What people call it.</param>
/// <param name="Architecture">Its row in the table of architectures.</param>
/// <param name="File">The name of the file with its weights.</param>
/// <param name="Channels">Channels of the images that it takes.</param>
/// <param name="Height">Their pixels from top to bottom.</param>
/// <param name="Width">Their pixels from left to right.</param>
/// <param name="Classes">What its classes are called, in their order.</param>
/// <param name="Pen">Whether it reads what is drawn: ink is found in a picture and brought to its place and size.</param>
/// <param name="Parameters">How many numbers it has learnt.</param>
/// <param name="TestAccuracy">In percent, where the file says it.</param>
/// <param name="ChosenOnTest">Whether it is the best epoch of a run, chosen by that accuracy.</param>
/// <param name="HasImages">Whether there are test images of its kind.</param>
internal record ModelInfo(
    string Id,
    string Title,
    string Architecture,
    string File,
    int Channels,
    int Height,
    int Width,
    IReadOnlyList<string> Classes,
    bool Pen,
    long Parameters,
    double? TestAccuracy,
    bool ChosenOnTest,
    bool HasImages);

/// <summary>A network and what it computes.</summary>
/// <param name="Model">The network.</param>
/// <param name="Nodes">Its operations, in the order in which they are computed; the first one is the image.</param>
/// <param name="Switches">What can be switched in it.</param>
internal sealed record ModelGraph(
    [property: JsonIgnore] ModelInfo Model, IReadOnlyList<NodeInfo> Nodes, IReadOnlyList<SwitchInfo> Switches) : ModelInfo(Model);

/// <summary>One operation of a network.</summary>
/// <param name="Name">What it is called, once in a network.</param>
/// <param name="Operation">What it does, by ONNX's name.</param>
/// <param name="Part">The part of the network that it belongs to, as in the state dictionary; "" is the network itself.</param>
/// <param name="Block">The outermost part around it that joins or adds values, if any.</param>
/// <param name="Inputs">The operations that it takes the values of.</param>
/// <param name="Shape">Of its value: channels, height, width; or how many numbers.</param>
/// <param name="Kernel">Height and width of its window, where it has one.</param>
/// <param name="Stride">From one window to the next.</param>
/// <param name="Padding">How far windows reach over the edges.</param>
/// <param name="Parameters">How many numbers it has learnt.</param>
internal sealed record NodeInfo(
    string Name,
    string Operation,
    string Part,
    string? Block,
    IReadOnlyList<string?> Inputs,
    IReadOnlyList<long> Shape,
    IReadOnlyList<long>? Kernel,
    IReadOnlyList<long>? Stride,
    IReadOnlyList<long>? Padding,
    long Parameters);

/// <summary>What can be switched: an operation takes another value instead of its own input.</summary>
/// <param name="Kind">What it changes: branch, shortcut or listing; see <see cref="AblationKind"/>.</param>
/// <param name="Block">The block that it is in.</param>
/// <param name="Node">The operation.</param>
/// <param name="Input">Which of its inputs, from 0.</param>
/// <param name="Instead">The operation whose value it takes; null for zeros.</param>
internal sealed record SwitchInfo(string Kind, string Block, string Node, int Input, string? Instead);

/// <summary>What a network makes of an image. The head of a <see cref="Frame"/>.</summary>
/// <param name="Image">What the network was really given: uint8.</param>
/// <param name="Blank">Whether no ink was found, so that the image is empty.</param>
/// <param name="Label">Which class it is of, where it is a test image.</param>
/// <param name="Probabilities">Of each class.</param>
/// <param name="Logits">Of each class.</param>
/// <param name="Layers">The maps of each operation, the normalised image first.</param>
internal sealed record Look(
    Numbers Image, bool Blank, long? Label, IReadOnlyList<double> Probabilities, IReadOnlyList<float> Logits, IReadOnlyList<LayerMaps> Layers);

/// <summary>Numbers in a frame.</summary>
/// <param name="Shape">How many, in each direction; of a map, height and width.</param>
/// <param name="At">Where they start.</param>
internal sealed record Numbers(IReadOnlyList<long> Shape, int At);

/// <summary>Some maps of an operation as bytes: each stands for scale * (byte - zero).</summary>
/// <param name="Node">The operation.</param>
/// <param name="Zero">The byte that stands for zero: 128 where there are values below it, otherwise 0.</param>
/// <param name="Scale">What one step of a byte stands for, in all maps.</param>
/// <param name="Height">Rows of a map as it is here, which may have been averaged down.</param>
/// <param name="Width">Columns of a map as it is here.</param>
/// <param name="Maps">Which channels they are: those first whose values vary most.</param>
/// <param name="Lowest">Offset of the lowest values, float32: one per map, or per number of a vector, before averaging.</param>
/// <param name="Highest">Offset of the highest values.</param>
/// <param name="At">Where the maps start, one behind the other.</param>
internal sealed record LayerMaps(
    string Node,
    int Zero,
    float Scale,
    long Height,
    long Width,
    IReadOnlyList<long> Maps,
    int Lowest,
    int Highest,
    int At);

/// <summary>One map in full, and what it is made of, in float32. The head of a <see cref="Frame"/>.</summary>
/// <param name="Node">The operation that gives it.</param>
/// <param name="Operation">What that does.</param>
/// <param name="Channel">Which of its maps.</param>
/// <param name="Value">The map: height and width.</param>
/// <param name="Inputs">What it takes.</param>
/// <param name="Kernel">The weights of a convolution, of all its inputs, or those of a linear layer.</param>
/// <param name="Bias">What is added at each place, if anything.</param>
/// <param name="Window">Height and width of the window at one place, of a convolution or pooling.</param>
/// <param name="Stride">From one window to the next.</param>
/// <param name="Padding">How far windows reach over the edges.</param>
/// <param name="Factor">Of batch normalisation: value = factor * input + shift.</param>
/// <param name="Shift">Of batch normalisation.</param>
/// <param name="Sum">Of a sum, and of the relu behind it: what is added and what is left.</param>
internal sealed record MapDetail(
    string Node,
    string Operation,
    int Channel,
    Plane Value,
    IReadOnlyList<MapInput> Inputs,
    Numbers? Kernel,
    float? Bias,
    IReadOnlyList<long>? Window,
    IReadOnlyList<long>? Stride,
    IReadOnlyList<long>? Padding,
    float? Factor,
    float? Shift,
    BlockSum? Sum);

/// <summary>A map in a frame, float32.</summary>
/// <param name="Height">Its rows.</param>
/// <param name="Width">Its columns.</param>
/// <param name="At">Where it starts.</param>
internal sealed record Plane(long Height, long Width, int At);

/// <summary>The sum at the end of a block.</summary>
/// <param name="Block">The block.</param>
/// <param name="Parts">What is added, and what is left.</param>
internal sealed record BlockSum(string Block, IReadOnlyList<SumPart> Parts);

/// <summary>What an operation takes.</summary>
/// <param name="Node">The operation that gave it; null for zeros.</param>
/// <param name="Channel">Which of its maps; null for all.</param>
/// <param name="Shape">Channels, height, width.</param>
/// <param name="At">Where they start: float32.</param>
internal sealed record MapInput(string? Node, int? Channel, IReadOnlyList<long> Shape, int At);

/// <summary>A part of a block's sum.</summary>
/// <param name="Name">x, F(x), x + F(x) or relu.</param>
/// <param name="Node">The operation that gave it; null for zeros.</param>
/// <param name="Norm">The Euclidean norm of its whole value, over all channels.</param>
/// <param name="At">Where the map of this channel starts: float32, as large as the value.</param>
internal sealed record SumPart(string Name, string? Node, double Norm, int At);

/// <summary>Where a network looks. The head of a <see cref="Frame"/> with a byte a pixel, as in <see cref="LayerMaps"/>.</summary>
/// <param name="Method">occlusion or gradient; see <see cref="Saliency"/>.</param>
/// <param name="Class">For which class.</param>
/// <param name="Height">Pixels from top to bottom.</param>
/// <param name="Width">Pixels from left to right.</param>
/// <param name="Zero">The byte that stands for zero.</param>
/// <param name="Scale">What one step of a byte stands for.</param>
/// <param name="At">Where the bytes start.</param>
internal sealed record Heat(string Method, int Class, long Height, long Width, int Zero, float Scale, int At);

/// <summary>The test images that a network can be shown.</summary>
/// <param name="Count">How many.</param>
/// <param name="Folder">The folder that they are from.</param>
/// <param name="Labels">Which class each is of.</param>
internal sealed record TestImages(long Count, string Folder, IReadOnlyList<long> Labels);

/// <summary>What a network answers to all test images.</summary>
/// <param name="Accuracy">In percent.</param>
/// <param name="Loss">The mean cross entropy.</param>
/// <param name="Labels">Which class each image is of.</param>
/// <param name="Predictions">Which class the network takes it for.</param>
/// <param name="Confidences">The probability that it gives that class.</param>
internal sealed record TestAnswers(
    double Accuracy, double Loss, IReadOnlyList<long> Labels, IReadOnlyList<long> Predictions, IReadOnlyList<double> Confidences);

/// <summary>The folder of runs.</summary>
/// <param name="Folder">Its path.</param>
/// <param name="Runs">The runs in it, the latest first.</param>
internal sealed record RunFolders(string Folder, IReadOnlyList<RunSummary> Runs);

/// <summary>A run, as far as it has come.</summary>
/// <param name="Name">The name of its folder.</param>
/// <param name="Model">Id of its network in requests; null if it has none yet, or one of an unknown architecture.</param>
/// <param name="Architecture">Which network it trains.</param>
/// <param name="Seed">The seed that it started from.</param>
/// <param name="BatchSize">Images in a step.</param>
/// <param name="LearningRate">Its learning rate.</param>
/// <param name="Status">State of the run; null if it cannot be read.</param>
/// <param name="Error">Error message of a run that failed or diverged.</param>
/// <param name="Started">When it was started.</param>
/// <param name="Data">The folder of its data set.</param>
/// <param name="TotalEpochs">How many epochs it is to have.</param>
/// <param name="Epochs">Those that are done.</param>
/// <param name="Problem">Why it cannot be read, in a line; null where it can.</param>
internal sealed record RunSummary(
    string Name,
    string? Model,
    string? Architecture,
    long? Seed,
    int? BatchSize,
    double? LearningRate,
    RunStatus? Status,
    string? Error,
    DateTimeOffset? Started,
    string? Data,
    int? TotalEpochs,
    IReadOnlyList<EpochMetrics> Epochs,
    string? Problem = null);

/// <summary>A run that is no longer there.</summary>
/// <param name="Name">The name of its folder.</param>
internal sealed record RunGone(string Name);

/// <summary>What is wrong with a request.</summary>
/// <param name="Error">In one line.</param>
internal sealed record Problem(string Error);
