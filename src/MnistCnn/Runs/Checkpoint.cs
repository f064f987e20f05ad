using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Runs;

/// <summary>
/// All that a run needs to go on as if it had never stopped, between any two of its steps: a safetensors file with the
/// weights, the optimiser's momentum, the random generator and the state, and in its metadata the settings and the data.
/// </summary>
internal sealed class Checkpoint : IDisposable
{
    private const string WeightPrefix = "weights.";
    private const string MomentumPrefix = "momentum.";
    private const string RandomKey = "random_state";
    private const string StepRandomKey = "step_random_state";
    private const string StateKey = "state";
    private const string RunIdKey = "run";

    private readonly SafetensorsFile file;
    private readonly string path;

    private Checkpoint(SafetensorsFile file, string path)
    {
        this.file = file;
        this.path = path;
        Settings = Parse<TrainSettings>("settings");
        Data = Parse<RunData>("data");
        State = file.Tensors.TryGetValue(StateKey, out var state)
            ? JsonFormat.Parse<TrainingProgress>(Encoding.UTF8.GetString(state.bytes), path)
            : Parse<TrainingProgress>(StateKey); // as version 0.1 wrote it
        RunId = file.Metadata.GetValueOrDefault(RunIdKey);
        if (Data.Normalization is { IsPossible: false })
            throw new InvalidDataException($"{path} is a damaged checkpoint: no pixels have its mean and deviation.");
        if ((Settings.Problem() ?? State.Problem(Settings, Data.TrainImages)) is { } problem)
            throw new InvalidDataException($"{path} is a damaged checkpoint: {problem}.");
    }

    /// <summary>What the run was asked to do.</summary>
    public TrainSettings Settings { get; }

    /// <summary>What it runs on.</summary>
    public RunData Data { get; }

    /// <summary>How far it is.</summary>
    public TrainingProgress State { get; }

    /// <summary>Which run it is of, see <see cref="RunInfo.Id"/>; null in one of version 0.1.</summary>
    public string? RunId { get; }

    /// <summary>Reads a checkpoint. What it says is in range, and fits together; its tensors are looked at by <see cref="Restore"/>.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not a checkpoint, or a damaged one.</exception>
    public static Checkpoint Read(string path)
    {
        var file = SafetensorsFile.Read(path);
        try
        {
            return new Checkpoint(file, path);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file is a checkpoint and not one of weights alone.</summary>
    internal static bool Is(SafetensorsFile file) => file.Tensors.ContainsKey(RandomKey);

    /// <summary>Writes a checkpoint of the state between the last step and the next, whole or not at all.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="trainer">The training.</param>
    /// <param name="data">What it runs on.</param>
    /// <param name="runId">Which run it is, see <see cref="RunInfo.Id"/>.</param>
    public static void Write(string path, Trainer trainer, RunData data, string? runId = null)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = [];
        foreach (var (name, weight) in trainer.Model.state_dict())
            tensors.Add(WeightPrefix + name, weight);
        foreach (var (name, momentum) in trainer.Momentum)
            tensors.Add(MomentumPrefix + name, momentum);
        tensors.Add(RandomKey, trainer.EpochRandomState);
        if (trainer.StepRandomState is { } stepState)
            tensors.Add(StepRandomKey, stepState);

        // The history grows with the epochs and the classes, and a header is limited: JSON as a tensor.
        tensors.Add(StateKey, tensor(JsonSerializer.SerializeToUtf8Bytes(trainer.State, JsonFormat.Line)));

        var metadata = new Dictionary<string, string>
        {
            ["settings"] = JsonSerializer.Serialize(trainer.Settings, JsonFormat.Line),
            ["data"] = JsonSerializer.Serialize(data, JsonFormat.Line),
        };
        if (runId is not null)
            metadata.Add(RunIdKey, runId);
        new SafetensorsFile(tensors, metadata).Write(path);
    }

    /// <summary>
    /// Makes sure that a run that goes on from here is the same run, but for the number of its epochs, where the learning rate
    /// does not depend on that.
    /// </summary>
    /// <exception cref="InvalidDataException">It is not; the message says what differs.</exception>
    public void EnsureSame(TrainSettings settings)
    {
        if (settings.Epochs < State.History.Count)
            throw new InvalidDataException($"{path} has {State.History.Count} epochs done already, more than the {settings.Epochs} that are asked for.");
        if (Differences(settings) is { Length: > 0 } differences)
            throw new InvalidDataException(
                $"{path} has other settings: {string.Join("; ", differences)}. {(Settings.OneCycle ? "None" : "Only the number of epochs")} may differ.");
    }

    /// <summary>Makes sure that a run that goes on from here has the same data, wherever they lie.</summary>
    /// <exception cref="InvalidDataException">It has not; the message says what differs.</exception>
    public void EnsureSame(RunData data)
    {
        var arePictures = Data.Pictures is not null && data.Pictures is not null;
        if (arePictures && JsonFormat.Differences(Data.Pictures, data.Pictures) is { Length: > 0 } others)
            throw new InvalidDataException($"{path} has pictures made images in another way: {string.Join("; ", others)}. Leave those options out.");
        if (Differences(data) is { Length: > 0 } differences)
        {
            var what = arePictures ? $"pictures in {data.Folder} were added, removed or changed" : string.Join("; ", differences);
            throw new InvalidDataException($"{path} belongs to a run on other data: {what}.").With(Remedy.NameData);
        }
    }

    /// <summary>Whether a run folder is that of this checkpoint's run; where one of both is of version 0.1, they have no more than settings and data to tell.</summary>
    /// <param name="run">What the folder's <c>run.json</c> says.</param>
    public bool IsOf(RunInfo run) => RunId is not null && run.Id is not null
        ? RunId == run.Id
        : Differences(run.Settings).Length + Differences(run.Data).Length == 0;

    /// <summary>Puts a training into the state of this checkpoint.</summary>
    /// <exception cref="InvalidDataException">Its tensors are not the network's, or damaged.</exception>
    public void Restore(Trainer trainer)
    {
        var weights = WithPrefix(WeightPrefix);
        if ((StateDictionary.Mismatch(trainer.Model.state_dict(), weights) ?? StateDictionary.NotFinite(weights)) is { } problem)
            throw Damaged(problem);

        // Before the first step there is no momentum yet.
        var momentum = WithPrefix(MomentumPrefix);
        var parameters = trainer.Model.named_parameters().ToDictionary(named => named.name, Tensor (named) => named.parameter);
        if ((momentum.Count > 0 || State is not { Epoch: 1, Step: 0 })
            && (StateDictionary.Mismatch(parameters, momentum) ?? StateDictionary.NotFinite(momentum)) is { } momentumProblem)
            throw Damaged($"of the momentum, {momentumProblem}");

        var random = Generator(RandomKey);
        var stepState = trainer.Draws && State.Step > 0 ? Generator(StepRandomKey) : null;
        StateDictionary.Copy(weights, trainer.Model);
        trainer.Restore(State, momentum, random, stepState);
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private Tensor Generator(string key)
    {
        using var standard = get_rng_state();
        return file.Tensors.TryGetValue(key, out var random)
            && random.dtype == standard.dtype && random.shape.SequenceEqual(standard.shape) && IsMersenneTwister(random.bytes)
            ? random
            : throw Damaged($"its {key} is missing or not a generator's state");
    }

    // TorchSharp does not catch what torch throws at a state that it does not know: the process would end. Source: PyTorch's
    // aten/src/ATen/CPUGeneratorImpl.cpp (how many numbers are left, whether it is seeded, which number is next) and
    // core/MT19937RNGEngine.h (624 numbers at a time; at the start one is left, so that new ones are made).
    private static bool IsMersenneTwister(ReadOnlySpan<byte> state)
    {
        const uint numbers = 624;
        var (left, seeded) = (BinaryPrimitives.ReadUInt32LittleEndian(state[8..]), BinaryPrimitives.ReadUInt32LittleEndian(state[12..]));
        var next = BinaryPrimitives.ReadUInt64LittleEndian(state[16..]);
        return seeded == 1 && left is > 0 and <= numbers && next <= numbers && left + next <= numbers + 1;
    }

    private string[] Differences(TrainSettings settings) =>
        JsonFormat.Differences(Settings.OneCycle ? Settings : Settings with { Epochs = settings.Epochs }, settings);

    private string[] Differences(RunData data) => JsonFormat.Differences(
        Data with { Folder = data.Folder, Normalization = data.Normalization, ClassNames = Data.ClassNames ?? data.ClassNames }, data);

    private Dictionary<string, Tensor> WithPrefix(string prefix) => file.Tensors
        .Where(tensor => tensor.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(tensor => tensor.Key[prefix.Length..], tensor => tensor.Value);

    private T Parse<T>(string key) => JsonFormat.Parse<T>(
        file.Metadata.GetValueOrDefault(key) ?? throw new InvalidDataException($"{path} is not a checkpoint: it says nothing of {key}."), path);

    private InvalidDataException Damaged(string reason) => new($"{path} is not a checkpoint of this run: {reason}.");
}
