using static TorchSharp.torch;

namespace MnistCnn.Data;

/// <summary>Some images on the device where the network is, ready for it.</summary>
/// <param name="Images">Normalised: (B, 1, 28, 28), float32.</param>
/// <param name="Labels">Classes, 0 to 9: (B), int64.</param>
public sealed record Batch(Tensor Images, Tensor Labels);
