namespace MnistCnn.Inspection;

/// <summary>A layer with weights.</summary>
/// <param name="Name">Its name in the state dictionary.</param>
/// <param name="Kind">What it is: <c>Conv2d</c>, <c>BatchNorm2d</c>, <c>Linear</c>.</param>
/// <param name="OutputShape">What it gives for one image: channels, height, width, or classes.</param>
/// <param name="Parameters">How many numbers it learns.</param>
/// <param name="MultiplyAdds">Multiplications with a weight, each with its addition, for all images of the batch.</param>
public sealed record LayerSummary(string Name, string Kind, IReadOnlyList<long> OutputShape, long Parameters, long MultiplyAdds);
