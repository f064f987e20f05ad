namespace MnistCnn.Export;

/// <summary>Everything in an ONNX file besides the network's operations and weights.</summary>
/// <param name="Name">Name of the graph.</param>
/// <param name="Description">First sentence of the documentation string, without a full stop.</param>
/// <param name="ProducerVersion">Version of MnistCnn that writes the file.</param>
/// <param name="Mean">Mean of the pixels from 0 to 1 in the training images: one per channel, or one for all channels.</param>
/// <param name="Std">Standard deviation of these pixels: as many values as <paramref name="Mean"/>.</param>
/// <param name="TakesPixels">
/// The file takes pixels, uint8 from 0 to 255, and normalizes them; otherwise it takes normalized float32.
/// </param>
/// <param name="GivesProbabilities">The file outputs probabilities instead of logits.</param>
internal sealed record OnnxSettings(
    string Name,
    string Description,
    string ProducerVersion,
    int Channels,
    int Height,
    int Width,
    int Classes,
    IReadOnlyList<double> Mean,
    IReadOnlyList<double> Std,
    IReadOnlyDictionary<string, string> Metadata,
    bool TakesPixels = false,
    bool GivesProbabilities = false);
