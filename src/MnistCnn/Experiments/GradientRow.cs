namespace MnistCnn.Experiments;

/// <summary>The gradient in one convolution of a stack of blocks.</summary>
/// <param name="Network">What the stack is of.</param>
/// <param name="Blocks">How many blocks it has, of two convolutions each.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Step">After how many steps of training.</param>
/// <param name="Layer">Which convolution of the stack, from 1, counted from the input.</param>
/// <param name="GradientNorm">Euclidean norm of the gradient of the loss in the convolution's weights.</param>
/// <param name="TestAccuracy">Of the whole network after those steps, in percent; of the start it is not measured.</param>
public sealed record GradientRow(string Network, int Blocks, long Seed, long Step, int Layer, double GradientNorm, double? TestAccuracy);
