namespace MnistCnn.Export;

/// <summary>Everything in an ONNX file besides the network's operations and weights.</summary>
internal sealed record OnnxSettings
{
    /// <summary>Name of the graph.</summary>
    public required string Name { get; init; }

    /// <summary>First sentence of the documentation string, without a full stop.</summary>
    public required string Description { get; init; }

    /// <summary>Version of MnistCnn that writes the file.</summary>
    public required string ProducerVersion { get; init; }

    public required int Channels { get; init; }

    public required int Height { get; init; }

    public required int Width { get; init; }

    public required int Classes { get; init; }

    /// <summary>Mean of the pixels from 0 to 1 in the training images: one per channel, or one for all channels.</summary>
    public required IReadOnlyList<double> Mean { get; init; }

    /// <summary>Standard deviation of the pixels from 0 to 1 in the training images: as many as <see cref="Mean"/>.</summary>
    public required IReadOnlyList<double> Std { get; init; }

    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    /// <summary>The file takes pixels, uint8 from 0 to 255, and normalizes them; otherwise it takes normalized float32.</summary>
    public bool TakesPixels { get; init; }

    /// <summary>The file outputs probabilities instead of logits.</summary>
    public bool GivesProbabilities { get; init; }
}
