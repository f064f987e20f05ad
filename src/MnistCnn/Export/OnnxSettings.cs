using MnistCnn.Data;
using MnistCnn.Networks;

namespace MnistCnn.Export;

/// <summary>What an ONNX file holds around a network.</summary>
/// <param name="Shape">The images and how many classes.</param>
/// <param name="Normalization">How the network was given its images when it was trained.</param>
/// <param name="Metadata">What the file says of the network, text by name.</param>
/// <param name="TakesPixels">Whether pixels go in, uint8 from 0 to 255, and are normalised in the file; otherwise normalised float32 does.</param>
/// <param name="GivesProbabilities">Whether probabilities come out, which add up to 1; otherwise logits do.</param>
internal sealed record OnnxSettings(
    NetworkShape Shape,
    Normalization Normalization,
    IReadOnlyDictionary<string, string> Metadata,
    bool TakesPixels = false,
    bool GivesProbabilities = false);
