using System.Text.Json;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Training;

/// <summary>
/// All that a run needs to go on as if it had never stopped, between any two of its steps: a safetensors file with the
/// weights, the optimiser's momentum and the random generator, and in its metadata the settings, the data and the state.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private const string WeightPrefix = "weights.";
    private const string MomentumPrefix = "momentum.";
    private const string RandomKey = "random_state";

    private readonly SafetensorsFile file;
    private readonly string path;

    private Checkpoint(SafetensorsFile file, string path)
    {
        this.file = file;
        this.path = path;
        Settings = Parse<TrainSettings>("settings");
        Data = Parse<RunData>("data");
        State = Parse<TrainingState>("state");
    }

    /// <summary>What the run was asked to do.</summary>
    public TrainSettings Settings { get; }

    /// <summary>What it runs on.</summary>
    public RunData Data { get; }

    /// <summary>How far it is.</summary>
    public TrainingState State { get; }

    /// <summary>Reads a checkpoint.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="InvalidDataException">It is no checkpoint, or a damaged one.</exception>
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
    /// <param name="epochRandomState">The state of torch's default generator before the epoch in hand.</param>
    public static void Write(
        string path, TrainSettings settings, RunData data, TrainingState state, Module<Tensor, Tensor> model, SGD optimizer, Tensor epochRandomState)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = [];
        foreach (var (name, weight) in model.state_dict())
            tensors.Add(WeightPrefix + name, weight);
        foreach (var (name, momentum) in Momenta(model, optimizer))
            if (momentum.momentum_buffer is { } buffer)
                tensors.Add(MomentumPrefix + name, buffer);
        tensors.Add(RandomKey, epochRandomState);

        new SafetensorsFile(tensors, new Dictionary<string, string>
        {
            ["settings"] = JsonSerializer.Serialize(settings, JsonFormat.Line),
            ["data"] = JsonSerializer.Serialize(data, JsonFormat.Line),
            ["state"] = JsonSerializer.Serialize(state, JsonFormat.Line),
        }).Write(path);
    }

    /// <summary>
    /// Makes sure that a run that goes on from here is the same run, but for the number of its epochs, where the learning rate
    /// does not depend on that.
    /// </summary>
    /// <exception cref="InvalidDataException">It is not; the message says what differs.</exception>
    public void EnsureSame(TrainSettings settings) =>
        EnsureSame(Settings.OneCycle ? Settings : Settings with { Epochs = settings.Epochs }, settings, "settings");

    /// <summary>Makes sure that a run that goes on from here has the same data, wherever they lie.</summary>
    /// <exception cref="InvalidDataException">It has not; the message says what differs.</exception>
    public void EnsureSame(RunData data) => EnsureSame(Data with { Folder = data.Folder }, data, "data");

    /// <summary>Puts a run into the state of this checkpoint, but for the random generator.</summary>
    /// <exception cref="InvalidDataException">Its tensors are not the network's.</exception>
    public void Restore(Module<Tensor, Tensor> model, SGD optimizer)
    {
        var weights = WithPrefix(WeightPrefix);
        if (Weights.Mismatch(model.state_dict(), weights) is { } mismatch)
            throw Damaged(mismatch);
        Weights.Copy(weights, model);

        // Before the first step there is no momentum yet.
        var buffers = WithPrefix(MomentumPrefix);
        if (buffers.Count == 0 && State is { Epoch: 1, Step: 0 })
            return;
        var parameters = model.named_parameters().ToDictionary(named => named.name, Tensor (named) => named.parameter);
        if (Weights.Mismatch(parameters, buffers) is { } wrongMomentum)
            throw Damaged($"of the momentum, {wrongMomentum}");

        // In the layout of its parameter, as the optimiser would make it: so each step gives the same bits.
        foreach (var (name, momentum) in Momenta(model, optimizer))
            momentum.momentum_buffer = zeros_like(parameters[name]).detach().copy_(buffers[name]).DetachFromDisposeScope();
    }

    /// <summary>The state of torch's default generator before the epoch in hand: uint8, as <c>get_rng_state</c> gives it.</summary>
    /// <exception cref="InvalidDataException">It is missing.</exception>
    public Tensor EpochRandomState()
    {
        using var standard = get_rng_state();
        return file.Tensors.TryGetValue(RandomKey, out var state) && state.dtype == standard.dtype && state.shape.SequenceEqual(standard.shape)
            ? state.clone()
            : throw Damaged($"the tensor {RandomKey} is missing or not a generator's state");
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static IEnumerable<(string Name, SGD.State Momentum)> Momenta(Module<Tensor, Tensor> model, SGD optimizer) =>
        model.named_parameters().Zip(optimizer.state_dict().State, (named, state) => (named.name, (SGD.State)state));

    private void EnsureSame<T>(T saved, T asked, string what)
    {
        var differences = Flatten(JsonSerializer.SerializeToElement(saved, JsonFormat.Line))
            .Zip(Flatten(JsonSerializer.SerializeToElement(asked, JsonFormat.Line)))
            .Where(pair => pair.First != pair.Second)
            .Select(pair => $"{pair.First.Name} was {pair.First.Text}, now {pair.Second.Text}")
            .ToArray();
        if (differences.Length > 0)
            throw new InvalidDataException($"{path} has other {what}: {string.Join("; ", differences)}. {(Settings.OneCycle ? "None" : "Only --epochs")} may differ.");

        static IEnumerable<(string Name, string Text)> Flatten(JsonElement element) => element.EnumerateObject().SelectMany(property =>
            property.Value.ValueKind == JsonValueKind.Object ? Flatten(property.Value) : [(property.Name, property.Value.GetRawText())]);
    }

    private Dictionary<string, Tensor> WithPrefix(string prefix) => file.Tensors
        .Where(tensor => tensor.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(tensor => tensor.Key[prefix.Length..], tensor => tensor.Value);

    private T Parse<T>(string key) => JsonFormat.Parse<T>(
        file.Metadata.GetValueOrDefault(key) ?? throw new InvalidDataException($"{path} is no checkpoint: it says nothing of {key}."), path);

    private InvalidDataException Damaged(string reason) => new($"{path} is no checkpoint of this run: {reason}.");
}
