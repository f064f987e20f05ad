namespace MnistCnn.Reporting;

/// <summary>A line of a plot.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="Accuracies">Test accuracy after each epoch, from the first, in percent.</param>
public sealed record Curve(string Name, IReadOnlyList<double> Accuracies);
