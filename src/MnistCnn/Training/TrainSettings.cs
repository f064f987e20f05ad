using System.Text.Json;
using System.Text.Json.Serialization;
using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>Hyperparameters and seed of a training run. The defaults are the article's.</summary>
internal sealed record TrainSettings
{
    /// <summary>Values that <see cref="IsLearningRate"/> accepts, in words.</summary>
    public const string LearningRates = "a number above 0 that float32 can hold";

    /// <summary>Values that <see cref="IsFraction"/> accepts, in words.</summary>
    public const string Fractions = "a number from 0 to below 1";

    /// <summary>Values that <see cref="IsWeightDecay"/> accepts, in words.</summary>
    public const string WeightDecays = "a number from 0 that float32 can hold";

    /// <summary>Values that <see cref="AreMilestones"/> accepts, in words.</summary>
    public const string Milestones = "numbers of steps above 0, each above the one before it";

    /// <summary>The network to train. A file holds its name only; a name that is not in <see cref="Architecture.All"/> cannot be trained.</summary>
    [JsonRequired, JsonConverter(typeof(ArchitectureNameConverter))]
    public Architecture Architecture { get; init; } = Architecture.Default;

    [JsonRequired]
    public int Epochs { get; init; } = 10;

    /// <summary>Images per step.</summary>
    [JsonRequired]
    public int BatchSize { get; init; } = 64;

    [JsonRequired]
    public double LearningRate { get; init; } = 0.01;

    /// <summary>SGD's momentum, from 0 to below 1.</summary>
    [JsonRequired]
    public double Momentum { get; init; } = 0.5;

    /// <summary>Seed of torch's default generator, which gives the initial weights, the order of the images and dropout.</summary>
    [JsonRequired]
    public long Seed { get; init; } = 1;

    /// <summary>Train on the first N training images only.</summary>
    [JsonRequired]
    public int? TrainLimit { get; init; }

    /// <summary>Evaluate on the first N test images only.</summary>
    [JsonRequired]
    public int? TestLimit { get; init; }

    /// <summary>Number of training images, the last ones, that are held out for validation. They decide which epoch is the best.</summary>
    [JsonRequired]
    public int? Validation { get; init; }

    /// <summary>The run ends after N epochs in a row without a better one.</summary>
    [JsonRequired]
    public int? Patience { get; init; }

    /// <summary>
    /// One-cycle learning-rate schedule: from a 25th to <see cref="LearningRate"/> in the first 30 % of the steps, then down to nearly 0, both
    /// along cosines, as PyTorch's <c>OneCycleLR</c>. Source: L. N. Smith and N. Topin, "Super-Convergence", 2017.
    /// </summary>
    public bool OneCycle { get; init; }

    /// <summary>
    /// Label smoothing factor, from 0 to below 1. Source: C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
    /// 2015, section 7.
    /// </summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Random changes of the training images; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Augmentation? Augment { get; init; }

    /// <summary>Weights the loss so that every class has the same total weight; see <see cref="ClassCounts.Weights"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool BalanceClasses { get; init; }

    /// <summary>Trains only the last layer; batch normalization then keeps its running statistics.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Freeze { get; init; }

    /// <summary>L2 weight decay, 0 or more: this fraction of each parameter is added to its gradient, as in PyTorch's SGD.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double WeightDecay { get; init; }

    /// <summary>
    /// Step numbers of the run, above 0 and rising, after each of which the learning rate is divided by ten, as PyTorch's <c>MultiStepLR</c>;
    /// null for a constant rate.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<int>? LearningRateMilestones { get; init; }

    public static bool IsLearningRate(double value) => value is > 0 and <= float.MaxValue;

    /// <summary>True for a momentum or label smoothing factor.</summary>
    public static bool IsFraction(double value) => value is >= 0 and < 1;

    public static bool IsWeightDecay(double value) => value is >= 0 and <= float.MaxValue;

    public static bool AreMilestones(IReadOnlyList<int> steps) => steps.Count > 0 && steps.Zip(steps.Prepend(0)).All(pair => pair.First > pair.Second);

    /// <summary>The first setting of a file with an impossible value, as "batch_size is 0"; null if all are possible.</summary>
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
        if (!IsFraction(Momentum))
            return $"momentum is {Momentum}";
        if (!IsFraction(LabelSmoothing))
            return $"label_smoothing is {LabelSmoothing}";
        if (!IsWeightDecay(WeightDecay))
            return $"weight_decay is {WeightDecay}";
        if (LearningRateMilestones is { } milestones && !AreMilestones(milestones))
            return $"learning_rate_milestones are {string.Join(", ", milestones)}";
        return OneCycle && LearningRateMilestones is not null ? "it has one_cycle and learning_rate_milestones" : null;
    }

    /// <summary>
    /// Writes an architecture as its name. An unknown name, such as that of an experiment's own network, is read as an architecture that can
    /// be compared and shown, but not created.
    /// </summary>
    private sealed class ArchitectureNameConverter : JsonConverter<Architecture>
    {
        public override Architecture Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var name = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException("its architecture is not a name");
            return Architecture.Find(name)
                ?? new Architecture(name, name, "", _ => throw new UserException($"This program does not know the architecture {name}."));
        }

        public override void Write(Utf8JsonWriter writer, Architecture value, JsonSerializerOptions options) => writer.WriteStringValue(value.Name);
    }
}
