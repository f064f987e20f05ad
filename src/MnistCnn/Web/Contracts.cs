using MnistCnn.Inspection;
using MnistCnn.Runs;
using MnistCnn.Training;

namespace MnistCnn.Web;

// The JSON of the server, in snake_case. docs/reference/http-api.md says which path returns what.

/// <param name="Id">Its name in requests.</param>
/// <param name="Title">The architecture's name for people.</param>
/// <param name="File">Name of the weights file.</param>
/// <param name="ReadsDrawings">Whether uploads are reduced to their ink, scaled and centred, as MNIST's digits.</param>
/// <param name="TestAccuracy">In percent; null if the weights file does not contain it.</param>
/// <param name="ChosenOnTest">Whether the weights are from a run's best epoch by test accuracy.</param>
/// <param name="HasImages">Whether the data set has test images of the model's shape and classes.</param>
internal record ModelInfo(
    string Id, string Title, string Architecture, string File,
    int Channels, int Height, int Width, IReadOnlyList<string> Classes, bool ReadsDrawings,
    long Parameters, double? TestAccuracy, bool ChosenOnTest, bool HasImages);

/// <param name="Nodes">Operations in the order of computation; the first is the image, the last gives the logits.</param>
internal sealed record ModelGraph(
    [property: JsonIgnore] ModelInfo Model, IReadOnlyList<NodeInfo> Nodes, IReadOnlyList<Ablation> Ablations) : ModelInfo(Model);

/// <summary>One operation of a model.</summary>
/// <param name="Name">Unique in the model.</param>
/// <param name="Operation">The operator's name in ONNX.</param>
/// <param name="Module">The module in the state dictionary that contains it; empty for the model itself.</param>
/// <param name="Block">Outermost module around it that concatenates or adds; null if there is none.</param>
/// <param name="Inputs">Names of the operations whose outputs it takes.</param>
/// <param name="Shape">Shape of its output: (C, H, W) or (values).</param>
/// <param name="Kernel">(height, width), as Stride and Padding; null if it has no window.</param>
internal sealed record NodeInfo(
    string Name, string Operation, string Module, string? Block, IReadOnlyList<string?> Inputs, IReadOnlyList<long> Shape,
    IReadOnlyList<long>? Kernel, IReadOnlyList<long>? Stride, IReadOnlyList<long>? Padding, long Parameters);

/// <summary>Prediction and feature maps of one image: head of a frame.</summary>
/// <param name="Image">The preprocessed image (C, H, W), uint8.</param>
/// <param name="Blank">Whether the upload has no ink; the image is then zeros.</param>
/// <param name="Digits">Number of digits side by side in an upload; the image shows the largest one. 0 if it is blank.</param>
/// <param name="Label">Class of a test image; null for an upload.</param>
/// <param name="Layers">One entry per operation; the first is the normalized image.</param>
internal sealed record LookResponse(
    TensorRef Image, bool Blank, int Digits, long? Label,
    IReadOnlyList<double> Probabilities, IReadOnlyList<float> Logits, IReadOnlyList<LayerMaps> Layers);

/// <summary>A tensor in the data of a frame.</summary>
/// <param name="Offset">In bytes from the start of the data.</param>
internal sealed record TensorRef(IReadOnlyList<long> Shape, int Offset);

/// <summary>Feature maps of an operation, quantized to uint8: value = scale * (byte - zero).</summary>
/// <param name="Zero">128 if the operation has negative values, otherwise 0.</param>
/// <param name="Scale">Common to all maps of the operation.</param>
/// <param name="Height">Rows of a map in this frame; large maps are averaged down.</param>
/// <param name="Maps">Indices of the channels, in descending order of their standard deviation.</param>
/// <param name="Lowest">Offset of the exact minima, float32: one per map, or one per value of a vector.</param>
/// <param name="Highest">Offset of the exact maxima.</param>
/// <param name="Offset">Offset of the maps, one after the other.</param>
internal sealed record LayerMaps(
    string Node, int Zero, float Scale, long Height, long Width, IReadOnlyList<long> Maps, int Lowest, int Highest, int Offset);

/// <summary>One feature map and everything that its values are computed from, in float32: head of a frame.</summary>
/// <param name="Value">The map (H, W).</param>
/// <param name="Kernel">Weights of the convolution or linear layer for this channel.</param>
/// <param name="Window">Height and width of the window of a convolution or pooling, as Stride and Padding.</param>
/// <param name="Factor">Batch normalization: value = factor * input + shift.</param>
/// <param name="Sum">The block's sum, if the operation is that sum or the ReLU after it.</param>
internal sealed record FeatureMap(
    string Node, string Operation, int Channel, TensorRef Value, IReadOnlyList<MapInput> Inputs, TensorRef? Kernel, float? Bias,
    IReadOnlyList<long>? Window, IReadOnlyList<long>? Stride, IReadOnlyList<long>? Padding,
    float? Factor, float? Shift, ResidualSum? Sum);

/// <summary>Input of an operation, float32.</summary>
/// <param name="Node">The operation whose output it is; null for zeros.</param>
/// <param name="Channel">Index of the channel; null for all channels.</param>
internal sealed record MapInput(string? Node, int? Channel, IReadOnlyList<long> Shape, int Offset);

/// <summary>The sum at the end of a residual block.</summary>
internal sealed record ResidualSum(string Block, IReadOnlyList<SumTerm> Terms);

/// <summary>A term of a residual sum, the sum, or its ReLU.</summary>
/// <param name="Name">x, F(x), x + F(x) or relu.</param>
/// <param name="Node">The operation whose output it is; null for zeros.</param>
/// <param name="Norm">Euclidean norm over all channels.</param>
/// <param name="Offset">Offset of this channel's map, float32, of the shape of the feature map.</param>
internal sealed record SumTerm(string Name, string? Node, double Norm, int Offset);

/// <summary>Saliency of each pixel for a class, quantized as <see cref="LayerMaps"/>: head of a frame.</summary>
/// <param name="Method">occlusion or gradient.</param>
internal sealed record SaliencyMap(string Method, int Class, long Height, long Width, int Zero, float Scale, int Offset);

internal sealed record TestImages(long Count, string Folder, IReadOnlyList<long> Labels);

/// <summary>Predictions of a model on all test images.</summary>
/// <param name="Accuracy">In percent.</param>
/// <param name="Loss">Mean cross-entropy, in nats.</param>
/// <param name="Confidences">Probability of the predicted class.</param>
internal sealed record TestPredictions(
    double Accuracy, double Loss, IReadOnlyList<long> Labels, IReadOnlyList<long> Predictions, IReadOnlyList<double> Confidences);

internal sealed record RunList(string Folder, IReadOnlyList<RunSummary> Runs);

/// <summary>A run: its settings and the epochs trained so far. The rest is null if its files cannot be read.</summary>
/// <param name="Name">Name of its folder.</param>
/// <param name="Model">Id of its model; null if it has none yet, or if its architecture is unknown.</param>
/// <param name="Data">Folder of its data set.</param>
/// <param name="Error">Error message of a run that failed or diverged.</param>
/// <param name="Problem">The reason why its files cannot be read.</param>
internal sealed record RunSummary(
    string Name, IReadOnlyList<EpochMetrics> Epochs, string? Model = null, string? Architecture = null,
    long? Seed = null, int? BatchSize = null, double? LearningRate = null, RunStatus? Status = null, string? Error = null,
    DateTimeOffset? Started = null, string? Data = null, int? TotalEpochs = null, string? Problem = null);
