using MnistCnn.Inspection;
using MnistCnn.Runs;
using MnistCnn.Training;

namespace MnistCnn.Web;

// The JSON of the server, in snake_case. docs/reference/http-api.md explains each path and each field.

internal record ModelInfo(
    string Id, string Title, string Architecture, string File,
    int Channels, int Height, int Width, IReadOnlyList<string> Classes, bool ReadsDrawings,
    long Parameters, double? TestAccuracy, bool ChosenOnTest, bool HasImages);

internal sealed record ModelGraph(
    [property: JsonIgnore] ModelInfo Model, IReadOnlyList<NodeInfo> Nodes, IReadOnlyList<Ablation> Ablations) : ModelInfo(Model);

internal sealed record NodeInfo(
    string Name, string Operation, string Module, string? Block, IReadOnlyList<string?> Inputs, IReadOnlyList<long> Shape,
    IReadOnlyList<long>? Kernel, IReadOnlyList<long>? Stride, IReadOnlyList<long>? Padding, long Parameters);

/// <summary>Prediction and feature maps of one image: head of a frame.</summary>
internal sealed record LookResponse(
    TensorRef Image, bool Blank, int Digits, long? Label,
    IReadOnlyList<double> Probabilities, IReadOnlyList<float> Logits, IReadOnlyList<LayerMaps> Layers);

/// <summary>A tensor in the data of a frame.</summary>
internal sealed record TensorRef(IReadOnlyList<long> Shape, int Offset);

/// <summary>Feature maps of an operation, quantized to uint8: value = scale * (byte - zero).</summary>
internal sealed record LayerMaps(
    string Node, int Zero, float Scale, long Height, long Width, IReadOnlyList<long> Maps, int Lowest, int Highest, int Offset);

/// <summary>One feature map and everything that its values are computed from, in float32: head of a frame.</summary>
internal sealed record FeatureMap(
    string Node, string Operation, int Channel, TensorRef Value, IReadOnlyList<MapInput> Inputs, TensorRef? Kernel, float? Bias,
    IReadOnlyList<long>? Window, IReadOnlyList<long>? Stride, IReadOnlyList<long>? Padding,
    float? Factor, float? Shift, ResidualSum? Sum);

/// <summary>Input of an operation, float32.</summary>
internal sealed record MapInput(string? Node, int? Channel, IReadOnlyList<long> Shape, int Offset);

internal sealed record ResidualSum(string Block, IReadOnlyList<SumTerm> Terms);

/// <summary>A term of a residual sum, the sum, or its ReLU.</summary>
internal sealed record SumTerm(string Name, string? Node, double Norm, int Offset);

/// <summary>Saliency of each pixel for a class, quantized as <see cref="LayerMaps"/>: head of a frame.</summary>
internal sealed record SaliencyMap(string Method, int Class, long Height, long Width, int Zero, float Scale, int Offset);

internal sealed record TestImages(long Count, string Folder, IReadOnlyList<long> Labels);

internal sealed record TestPredictions(
    double Accuracy, double Loss, IReadOnlyList<long> Labels, IReadOnlyList<long> Predictions, IReadOnlyList<double> Confidences);

internal sealed record RunList(string Folder, IReadOnlyList<RunSummary> Runs);

/// <summary>A run: its settings and the epochs trained so far. The rest is null if its files cannot be read.</summary>
internal sealed record RunSummary(
    string Name, IReadOnlyList<EpochMetrics> Epochs, string? Model = null, string? Architecture = null,
    long? Seed = null, int? BatchSize = null, double? LearningRate = null, RunStatus? Status = null, string? Error = null,
    DateTimeOffset? Started = null, string? Data = null, int? TotalEpochs = null, string? Problem = null);
