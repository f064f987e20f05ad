using MnistCnn.Data;

namespace MnistCnn.Training;

/// <summary>Named settings.</summary>
internal sealed record Recipe(string Name, TrainSettings Settings)
{
    private static readonly TrainSettings Cycle = new()
    {
        Epochs = 1,
        BatchSize = 128,
        LearningRate = 0.2,
        Momentum = 0.9,
        Schedule = Schedule.OneCycle,
        LabelSmoothing = 0.1,
        ClipNorm = 1,
    };

    private static readonly Augmentation SmallMoves = new(Shift: 2, Rotate: 10, Scale: 0.1);

    /// <summary>The article's settings, the default except for folders of images.</summary>
    public static Recipe Article { get; } = new("article", new TrainSettings());

    /// <summary>The default for folders of images.</summary>
    public static Recipe Images { get; } = new(
        "images", Cycle with { Epochs = 20, BatchSize = 16, LearningRate = 0.05, Augment = SmallMoves });

    /// <summary>All recipes. docs/reference/recipes.md has the measurements behind their settings.</summary>
    public static IReadOnlyList<Recipe> All { get; } =
    [
        Article,
        new("sprint", Cycle),
        new("fast", Cycle with { Epochs = 2, BatchSize = 64, LearningRate = 0.1, Augment = new Augmentation(Crop: 1) }),
        new("best", Cycle with { Epochs = 15, Augment = SmallMoves }),
        Images,

        // The residual paper's for CIFAR-10, section 4.2: 64,000 steps, which are 164 epochs of 50,000 images. The paper does not clip.
        new("resnet-paper", new TrainSettings
        {
            Epochs = 164, BatchSize = 128, LearningRate = 0.1, LearningRateMilestones = [32_000, 48_000], Momentum = 0.9,
            WeightDecay = 0.0001, ClipNorm = 5, Augment = new Augmentation(Crop: 4, Flip: true),
        }),
    ];
}
