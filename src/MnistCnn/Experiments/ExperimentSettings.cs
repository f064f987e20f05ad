namespace MnistCnn.Experiments;

/// <summary>How large an experiment is.</summary>
/// <param name="Seeds">How often everything is measured: with the seeds 1 to this.</param>
/// <param name="Epochs">How often a network sees each of its training images.</param>
/// <param name="TrainLimit">Use only the first N training images.</param>
/// <param name="TestLimit">Use only the first N test images, or all.</param>
/// <param name="Recipe">With which recipe networks are trained, as in <see cref="Training.Recipe.All"/>.</param>
/// <param name="LearningRate">Step size of SGD, where it is not to be the recipe's.</param>
/// <param name="BatchSize">Images in a step, where they are not to be as many as the recipe's.</param>
/// <param name="Quick">Whether to measure less of everything, in about two minutes.</param>
/// <param name="Deep">Whether to measure deeper networks too, where there are any.</param>
/// <param name="Shortened">
/// Whether a recipe of many epochs is made to fit these few: images stay as they are, and a learning rate that falls in steps does so
/// after half of the run and after three quarters of it.
/// </param>
internal sealed record ExperimentSettings(
    int Seeds,
    int Epochs,
    int TrainLimit,
    int? TestLimit = null,
    string Recipe = "article",
    double? LearningRate = null,
    int? BatchSize = null,
    bool Quick = false,
    bool Deep = false,
    bool Shortened = false);
