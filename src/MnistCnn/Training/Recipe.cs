using MnistCnn.Data;

namespace MnistCnn.Training;

/// <summary>A way to train that can be chosen by name.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Settings">What it consists of.</param>
internal sealed record Recipe(string Name, TrainSettings Settings)
{
    private static readonly TrainSettings Cycle = new() { Epochs = 1, BatchSize = 128, LearningRate = 0.2, Momentum = 0.9, OneCycle = true, LabelSmoothing = 0.1 };

    /// <summary>All there are, the default first.</summary>
    public static IReadOnlyList<Recipe> All { get; } =
    [
        new("article", new TrainSettings()),

        // What each part of these three gives is measured in docs/recipe.md.
        new("sprint", Cycle),
        new("fast", Cycle with { Epochs = 2, BatchSize = 64, LearningRate = 0.1, Augment = new Augmentation(Crop: 1) }),
        new("best", Cycle with { Epochs = 15, Augment = new Augmentation(Shift: 2, Rotate: 10, Scale: 0.1) }),

        // The residual paper's on CIFAR-10, section 4.2: 64,000 steps, which are 164 epochs of its 50,000 images.
        new("resnet-paper", new TrainSettings { Epochs = 164, BatchSize = 128, LearningRate = 0.1, Momentum = 0.9, Augment = new Augmentation(Crop: 4, Flip: true), WeightDecay = 0.0001, LearningRateMilestones = [32_000, 48_000] }),
    ];
}
