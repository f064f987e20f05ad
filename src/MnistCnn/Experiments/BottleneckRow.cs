namespace MnistCnn.Experiments;

/// <summary>A 5x5 convolution, direct or through a bottleneck.</summary>
/// <param name="Width">Channels of the bottleneck, or null for the direct convolution.</param>
/// <param name="Seed">The seed.</param>
/// <param name="MultiplyAdds">For one image.</param>
/// <param name="Milliseconds">Of a forward pass of 16 images, the median of several.</param>
/// <param name="DirectMilliseconds">The same of the direct convolution, measured in turn with it.</param>
/// <param name="TestAccuracy">Of a network with this convolution in its middle, trained, in percent.</param>
public sealed record BottleneckRow(int? Width, long Seed, long MultiplyAdds, double Milliseconds, double DirectMilliseconds, double TestAccuracy);
