namespace MnistCnn.Experiments;

/// <summary>Size of an experiment.</summary>
/// <param name="Seeds">Number of seeds, from 1: each quantity is measured once per seed.</param>
/// <param name="TrainLimit">Number of training images, from the first.</param>
/// <param name="TestLimit">Number of test images, from the first; null for all.</param>
/// <param name="Recipe">Name of the recipe, see <see cref="Training.Recipe.All"/>.</param>
/// <param name="LearningRate">Learning rate; null for the recipe's.</param>
/// <param name="BatchSize">Batch size; null for the recipe's.</param>
/// <param name="Quick">Measures fewer networks.</param>
/// <param name="Deep">Measures deeper networks too, see <see cref="Experiment.HasDeeperNetworks"/>.</param>
/// <param name="Shortened">
/// Adapts a recipe for many epochs to few: no augmentation, and milestones of the learning rate at 1/2 and 3/4 of the steps.
/// </param>
internal sealed record ExperimentSettings(
    int Seeds, int Epochs, int TrainLimit, int? TestLimit = null, string Recipe = "article", double? LearningRate = null,
    int? BatchSize = null, bool Quick = false, bool Deep = false, bool Shortened = false);
