namespace MnistCnn.Experiments;

/// <summary>How large an experiment is.</summary>
/// <param name="Seeds">How often everything is measured: with the seeds 1 to this.</param>
/// <param name="Epochs">How often a network sees each of its training images.</param>
/// <param name="TrainLimit">Use only the first N training images.</param>
/// <param name="TestLimit">Use only the first N test images, or all.</param>
/// <param name="Recipe">With which recipe networks are trained, as in <see cref="Training.Recipe.All"/>.</param>
/// <param name="LearningRate">Step size of SGD, where it is not to be the recipe's.</param>
/// <param name="Quick">Whether to measure less of everything, in under two minutes.</param>
/// <param name="Deep">Whether to measure the networks of 34 layers too, where there are any.</param>
internal sealed record ExperimentSettings(
    int Seeds,
    int Epochs,
    int TrainLimit,
    int? TestLimit = null,
    string Recipe = "article",
    double? LearningRate = null,
    bool Quick = false,
    bool Deep = false);
