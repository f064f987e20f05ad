using System.Buffers.Binary;
using System.Text.Json;
using MnistCnn.Files;
using MnistCnn.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Runs;

/// <summary>
/// All that a run needs to go on as if it had never stopped, between any two of its steps: a safetensors file with the
/// weights, the optimiser's momentum and the random generator, and in its metadata the settings, the data and the state.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private const string WeightPrefix = "weights.";
    private const string MomentumPrefix = "momentum.";
    private const string RandomKey = "random_state";
    private const string RunIdKey = "run";

    private readonly SafetensorsFile file;
    private readonly string path;

    private Checkpoint(SafetensorsFile file, string path)
    {
        this.file = file;
        this.path = path;
        Settings = Parse<TrainSettings>("settings");
        Data = Parse<RunData>("data");
        State = Parse<TrainingState>("state");
        RunId = file.Metadata.GetValueOrDefault(RunIdKey);
        if ((Settings.Problem() ?? State.Problem(Settings, Data.TrainImages)) is { } problem)
            throw new InvalidDataException($"{path} is a damaged checkpoint: {problem}.");
    }

    /// <summary>What the run was asked to do.</summary>
    public TrainSettings Settings { get; }

    /// <summary>What it runs on.</summary>
    public RunData Data { get; }

    /// <summary>How far it is.</summary>
    public TrainingState State { get; }

    /// <summary>Which run it is of, see <see cref="RunInfo.Id"/>; null in one of version 0.1.</summary>
    public string? RunId { get; }

    /// <summary>Reads a checkpoint. What it says is in range, and fits together; its tensors are looked at by <see cref="Restore"/>.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
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
    public static bool Is(SafetensorsFile file) => file.Tensors.ContainsKey(RandomKey);

    /// <summary>Writes a checkpoint, whole or not at all.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="settings">What the run was asked to do.</param>
    /// <param name="data">What it runs on.</param>
    /// <param name="state">How far it is.</param>
    /// <param name="model">Its network.</param>
    /// <param name="optimizer">Its optimiser.</param>
    /// <param name="epochRandomState">The state of torch's default generator before the current epoch.</param>
    /// <param name="runId">Which run it is.</param>
    public static void Write(
        string path,
        TrainSettings settings,
        RunData data,
        TrainingState state,
        Module<Tensor, Tensor> model,
        SGD optimizer,
        Tensor epochRandomState,
        string? runId)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = [];
        foreach (var (name, weight) in model.state_dict())
            tensors.Add(WeightPrefix + name, weight);
        // What SGD has passed over, for want of a gradient or of momentum, has none; zeros do the same in its next step.
        if (state is not { Epoch: 1, Step: 0 })
            foreach (var (name, momentum) in Momenta(model, optimizer))
                tensors.Add(MomentumPrefix + name, momentum.momentum_buffer ?? zeros_like(tensors[WeightPrefix + name]));
        tensors.Add(RandomKey, epochRandomState);

        var metadata = new Dictionary<string, string>
        {
            ["settings"] = JsonSerializer.Serialize(settings, JsonFormat.Line),
            ["data"] = JsonSerializer.Serialize(data, JsonFormat.Line),
            ["state"] = JsonSerializer.Serialize(state, JsonFormat.Line),
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
        if (Differences(settings) is { Length: > 0 } differences)
            throw new InvalidDataException(
                $"{path} has other settings: {string.Join("; ", differences)}. {(Settings.OneCycle ? "None" : "Only --epochs")} may differ.");
    }

    /// <summary>Makes sure that a run that goes on from here has the same data, wherever they lie.</summary>
    /// <exception cref="InvalidDataException">It has not; the message says what differs.</exception>
    public void EnsureSame(RunData data)
    {
        if (Differences(data) is { Length: > 0 } differences)
            throw new InvalidDataException(
                $"{path} is of a run on other data: {string.Join("; ", differences)}. Name the folder of its data with --data.");
    }

    /// <summary>Whether a run folder is that of this checkpoint's run; where one of both is of version 0.1, they have no more than settings and data to tell.</summary>
    /// <param name="run">What the folder's <c>run.json</c> says.</param>
    public bool IsOf(RunInfo run) => RunId is not null && run.Id is not null
        ? RunId == run.Id
        : Differences(run.Settings).Length + Differences(run.Data).Length == 0;

    /// <summary>Puts a run into the state of this checkpoint, but for the random generator.</summary>
    /// <exception cref="InvalidDataException">Its tensors are not the network's.</exception>
    public void Restore(Module<Tensor, Tensor> model, SGD optimizer)
    {
        var weights = WithPrefix(WeightPrefix);
        if (Weights.Mismatch(model.state_dict(), weights) is { } mismatch)
            throw Damaged(mismatch);
        if (Weights.NotFinite(weights) is { } notFinite)
            throw Damaged(notFinite);
        Weights.Copy(weights, model);

        // Before the first step there is no momentum yet.
        var buffers = WithPrefix(MomentumPrefix);
        if (buffers.Count == 0 && State is { Epoch: 1, Step: 0 })
            return;
        var parameters = model.named_parameters().ToDictionary(named => named.name, Tensor (named) => named.parameter);
        if (Weights.Mismatch(parameters, buffers) is { } wrongMomentum)
            throw Damaged($"of the momentum, {wrongMomentum}");
        if (Weights.NotFinite(buffers) is { } notFiniteMomentum)
            throw Damaged($"of the momentum, {notFiniteMomentum}");

        // In the layout of its parameter, as the optimiser would make it: so each step gives the same bits.
        foreach (var (name, momentum) in Momenta(model, optimizer))
            momentum.momentum_buffer = zeros_like(parameters[name]).detach().copy_(buffers[name]).DetachFromDisposeScope();
    }

    /// <summary>Puts torch's default generator into the state that it had before the current epoch.</summary>
    /// <returns>That state: uint8, as <c>get_rng_state</c> gives it.</returns>
    /// <exception cref="InvalidDataException">It is missing, or not a generator's state.</exception>
    public Tensor RestoreRandomState()
    {
        using var standard = get_rng_state();
        if (!file.Tensors.TryGetValue(RandomKey, out var state)
            || state.dtype != standard.dtype || !state.shape.SequenceEqual(standard.shape) || !IsMersenneTwister(state.bytes))
            throw Damaged($"its {RandomKey} is missing or not a generator's state");
        set_rng_state(state);
        return state.clone();
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static IEnumerable<(string Name, SGD.State Momentum)> Momenta(Module<Tensor, Tensor> model, SGD optimizer) =>
        model.named_parameters().Zip(optimizer.state_dict().State, (named, state) => (named.name, (SGD.State)state));

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
        Differences<TrainSettings>(Settings.OneCycle ? Settings : Settings with { Epochs = settings.Epochs }, settings);

    private string[] Differences(RunData data) => Differences<RunData>(Data with { Folder = data.Folder }, data);

    private static string[] Differences<T>(T saved, T now)
    {
        var (before, after) = (Flatten(JsonSerializer.SerializeToElement(saved, JsonFormat.Line)), Flatten(JsonSerializer.SerializeToElement(now, JsonFormat.Line)));
        return
        [
            .. before.Keys.Union(after.Keys)
                .Select(name => (Name: name, Before: before.GetValueOrDefault(name, "nothing"), After: after.GetValueOrDefault(name, "nothing")))
                .Where(value => value.Before != value.After)
                .Select(value => $"{value.Name} was {value.Before}, now {value.After}"),
        ];

        static Dictionary<string, string> Flatten(JsonElement element) => element.EnumerateObject()
            .SelectMany(property => property.Value.ValueKind == JsonValueKind.Object
                ? Flatten(property.Value)
                : new Dictionary<string, string> { [property.Name] = property.Value.GetRawText() })
            .ToDictionary();
    }

    private Dictionary<string, Tensor> WithPrefix(string prefix) => file.Tensors
        .Where(tensor => tensor.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(tensor => tensor.Key[prefix.Length..], tensor => tensor.Value);

    private T Parse<T>(string key) => JsonFormat.Parse<T>(
        file.Metadata.GetValueOrDefault(key) ?? throw new InvalidDataException($"{path} is not a checkpoint: it says nothing of {key}."), path);

    private InvalidDataException Damaged(string reason) => new($"{path} is not a checkpoint of this run: {reason}.");
}
