namespace MnistCnn.Training;

/// <summary>What decides the course of a training run. The defaults are the article's.</summary>
/// <param name="Architecture">The name of the network, as in <see cref="Modules.Architecture.All"/>.</param>
/// <param name="Epochs">How often every training image is seen.</param>
/// <param name="BatchSize">Images in a step.</param>
/// <param name="LearningRate">Step size of SGD.</param>
/// <param name="Momentum">Momentum of SGD, from 0 to below 1.</param>
/// <param name="Seed">Seed of torch's random generator: the initial weights and the order of the images.</param>
/// <param name="TrainLimit">Use only the first so many training images.</param>
/// <param name="TestLimit">Use only the first so many test images.</param>
/// <param name="Validation">Hold out so many training images, the last ones, and choose the best epoch on them.</param>
/// <param name="Patience">End the run after so many epochs without a better one.</param>
/// <param name="OneCycle">
/// Let the learning rate rise from a 25th to <paramref name="LearningRate"/> in the first 30 % of the steps and fall to nearly
/// nothing in the others, along cosines. Source: L. N. Smith and N. Topin, "Super-Convergence", 2017.
/// </param>
/// <param name="LabelSmoothing">
/// The share of the target that all classes have in common, from 0 to below 1. Source: C. Szegedy et al., "Rethinking the
/// Inception Architecture for Computer Vision", 2015, section 7.
/// </param>
public sealed record TrainSettings(
    string Architecture = Modules.Architecture.Default,
    int Epochs = 10,
    int BatchSize = 64,
    double LearningRate = 0.01,
    double Momentum = 0.5,
    long Seed = 1,
    int? TrainLimit = null,
    int? TestLimit = null,
    int? Validation = null,
    int? Patience = null,
    bool OneCycle = false,
    double LabelSmoothing = 0);
