using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>Hyperparameters and seed of a training run. The defaults are the article's.</summary>
internal sealed record TrainSettings
{
    /// <summary>The network to train; a file holds its name.</summary>
    [JsonRequired, JsonConverter(typeof(ArchitectureNameConverter))]
    public Architecture Architecture { get; init; } = Architecture.Default;

    [JsonRequired] public int Epochs { get; init; } = 10;

    [JsonRequired] public int BatchSize { get; init; } = 64;

    [JsonRequired] public double LearningRate { get; init; } = 0.01;

    /// <summary>SGD's momentum, from 0 to below 1.</summary>
    [JsonRequired] public double Momentum { get; init; } = 0.5;

    /// <summary>Seed of torch's default generator, which gives the initial weights, the order of the images and dropout.</summary>
    [JsonRequired] public long Seed { get; init; } = 1;

    /// <summary>Only the first N training images are used.</summary>
    [JsonRequired] public int? TrainLimit { get; init; }

    /// <summary>Only the first N test images are used.</summary>
    [JsonRequired] public int? TestLimit { get; init; }

    /// <summary>Number of training images, the last ones, that are held out for validation. They decide which epoch is the best.</summary>
    [JsonRequired] public int? Validation { get; init; }

    /// <summary>The run ends after N epochs in a row without a better one.</summary>
    [JsonRequired] public int? Patience { get; init; }

    /// <summary>Schedule of the learning rate, whose highest value is <see cref="LearningRate"/>.</summary>
    public Schedule Schedule { get; init; }

    /// <summary>Greatest L2 norm of the gradients of all parameters together; greater ones are scaled down. 0 for no limit.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double ClipNorm { get; init; }

    /// <summary>
    /// Label smoothing factor, from 0 to below 1. Source: C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
    /// 2015, section 7.
    /// </summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Random changes of the training images; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Augmentation? Augment { get; init; }

    /// <summary>Weights the loss so that all classes have the same total weight; see <see cref="ClassCounts.Weights"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool BalanceClasses { get; init; }

    /// <summary>Trains only the last layer; batch normalization keeps its running statistics.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Freeze { get; init; }

    /// <summary>L2 weight decay, 0 or more: this fraction of each parameter is added to its gradient, as in PyTorch's SGD.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double WeightDecay { get; init; }

    /// <summary>Rising steps of the run, from 1, of <see cref="Schedule.Steps"/>, which they select; null for other schedules.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<int>? LearningRateMilestones
    {
        get;
        init => (field, Schedule) = (value, value is not null ? Schedule.Steps : Schedule is Schedule.Steps ? Schedule.Constant : Schedule);
    }

    // Files from before the schedules had names.
    [JsonInclude]
    private bool OneCycle
    {
        init => Schedule = value ? Schedule.OneCycle : Schedule;
    }

    public static bool AreMilestones(IReadOnlyList<int> steps) =>
        steps.Count > 0 && steps.Zip(steps.Prepend(0)).All(pair => pair.First > pair.Second);

    /// <summary>Writes an architecture as its name. Unknown names, as of experiments, give one that cannot be created.</summary>
    private sealed class ArchitectureNameConverter : JsonConverter<Architecture>
    {
        public override Architecture Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var name = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException();
            return Architecture.Find(name)
                ?? new Architecture(name, name, "", _ => throw new UserException($"This program does not know the architecture {name}."));
        }

        public override void Write(Utf8JsonWriter writer, Architecture value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Name);
    }
}
