using System.Text.Json.Serialization;
using MnistCnn.Data;

namespace MnistCnn.Training;

/// <summary>What decides the course of a training run. The defaults are the article's.</summary>
/// <param name="Architecture">The name of the network, as in <see cref="Networks.Architecture.All"/>.</param>
/// <param name="Epochs">How often every training image is seen.</param>
/// <param name="BatchSize">Images in a step.</param>
/// <param name="LearningRate">Step size of SGD.</param>
/// <param name="Momentum">Momentum of SGD, from 0 to below 1.</param>
/// <param name="Seed">Seed of torch's random generator: the initial weights and the order of the images.</param>
/// <param name="TrainLimit">Use only the first N training images.</param>
/// <param name="TestLimit">Use only the first N test images.</param>
/// <param name="Validation">Hold out the last N training images, and choose the best epoch on them.</param>
/// <param name="Patience">End the run after N epochs without a better one.</param>
/// <param name="OneCycle">
/// Let the learning rate rise from a 25th to <paramref name="LearningRate"/> in the first 30 % of the steps and fall to nearly
/// nothing in the others, along cosines. Source: L. N. Smith and N. Topin, "Super-Convergence", 2017.
/// </param>
/// <param name="LabelSmoothing">
/// The share of the target that all classes have in common, from 0 to below 1. Source: C. Szegedy et al., "Rethinking the
/// Inception Architecture for Computer Vision", 2015, section 7.
/// </param>
/// <param name="Augment">What is changed at random in the images of each step, or null.</param>
/// <param name="BalanceClasses">Whether the loss of a step counts every class the same, however many images it has; see <see cref="ClassCounts.Weights"/>.</param>
/// <param name="Freeze">Whether the last layer alone is trained, and batch normalisation keeps its statistics.</param>
/// <param name="WeightDecay">
/// What is added to the gradient of each parameter in each step: so many times the parameter itself, as torch's SGD has it (L2); 0 or more.
/// </param>
/// <param name="LearningRateMilestones">
/// After so many steps of the run in all, the learning rate is divided by ten, once at each of them: PyTorch's <c>MultiStepLR</c>.
/// Above 0 and rising; null for a constant rate.
/// </param>
internal sealed record TrainSettings(
    [property: JsonRequired] string Architecture = Networks.Architecture.Default,
    [property: JsonRequired] int Epochs = 10,
    [property: JsonRequired] int BatchSize = 64,
    [property: JsonRequired] double LearningRate = 0.01,
    [property: JsonRequired] double Momentum = 0.5,
    [property: JsonRequired] long Seed = 1,
    [property: JsonRequired] int? TrainLimit = null,
    [property: JsonRequired] int? TestLimit = null,
    [property: JsonRequired] int? Validation = null,
    [property: JsonRequired] int? Patience = null,
    bool OneCycle = false,
    double LabelSmoothing = 0,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Augmentation? Augment = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool BalanceClasses = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Freeze = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] double WeightDecay = 0,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<int>? LearningRateMilestones = null)
{
    /// <summary>What <see cref="IsLearningRate"/> allows, in words.</summary>
    public const string LearningRates = "a number above 0 that float32 can hold";

    /// <summary>What <see cref="IsShare"/> allows, in words.</summary>
    public const string Shares = "a number from 0 to below 1";

    /// <summary>What <see cref="IsWeightDecay"/> allows, in words.</summary>
    public const string WeightDecays = "a number from 0 that float32 can hold";

    /// <summary>What <see cref="AreMilestones"/> allows, in words.</summary>
    public const string Milestones = "numbers of steps above 0, each above the one before it";

    /// <summary>Whether SGD can take steps of that size: weights are float32.</summary>
    public static bool IsLearningRate(double value) => value is > 0 and <= float.MaxValue;

    /// <summary>Whether it is a momentum, or a share of the target.</summary>
    public static bool IsShare(double value) => value is >= 0 and < 1;

    /// <summary>Whether SGD can add that share of a weight to its gradient.</summary>
    public static bool IsWeightDecay(double value) => value is >= 0 and <= float.MaxValue;

    /// <summary>Whether the learning rate can fall after those steps.</summary>
    public static bool AreMilestones(IReadOnlyList<int> steps) => steps.Count > 0 && steps.Zip(steps.Prepend(0)).All(pair => pair.First > pair.Second);

    /// <summary>What is wrong with them, in a few words, or null.</summary>
    public string? Problem()
    {
        (string Name, int? Value)[] counts =
        [
            ("epochs", Epochs), ("batch_size", BatchSize), ("train_limit", TrainLimit), ("test_limit", TestLimit),
            ("validation", Validation), ("patience", Patience),
        ];
        if (counts.FirstOrDefault(count => count.Value < 1) is { Value: { } number } wrong)
            return $"{wrong.Name} is {number}";
        if (!IsLearningRate(LearningRate))
            return $"learning_rate is {LearningRate}";
        if (!IsShare(Momentum))
            return $"momentum is {Momentum}";
        if (!IsShare(LabelSmoothing))
            return $"label_smoothing is {LabelSmoothing}";
        if (!IsWeightDecay(WeightDecay))
            return $"weight_decay is {WeightDecay}";
        if (LearningRateMilestones is { } milestones && !AreMilestones(milestones))
            return $"learning_rate_milestones are {string.Join(", ", milestones)}";
        return OneCycle && LearningRateMilestones is not null ? "it has one_cycle and learning_rate_milestones" : null;
    }
}
