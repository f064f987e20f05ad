using System.Buffers.Binary;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Runs;

/// <summary>
/// State of a run between two steps, from which it resumes exactly. A safetensors file holds weights, momentum, random states and progress
/// as tensors, and settings, data and run id as metadata.
/// </summary>
internal sealed class Checkpoint : IDisposable
{
    private const string WeightPrefix = "weights.", MomentumPrefix = "momentum.";
    private const string EpochRngKey = "random_state", StepRngKey = "step_random_state", ProgressKey = "state";

    private readonly SafetensorsFile file;

    private Checkpoint(SafetensorsFile file, string path)
    {
        this.file = file;
        Path = System.IO.Path.GetFullPath(path);
        Settings = JsonFormat.Parse<TrainSettings>(Text("settings"), path);
        Data = JsonFormat.Parse<RunData>(Text("data"), path);
        RunId = Text("run");
        Progress = file.Tensors.TryGetValue(ProgressKey, out var progress)
            ? JsonFormat.Parse<TrainingProgress>(Encoding.UTF8.GetString(progress.bytes), path)
            : throw Damaged($"{ProgressKey} is missing");

        string Text(string key) =>
            file.Metadata.GetValueOrDefault(key) ?? throw new InvalidDataException($"{path} is not a checkpoint: it has no {key}.");
    }

    /// <summary>Full path of the file.</summary>
    public string Path { get; }

    public TrainSettings Settings { get; }

    public RunData Data { get; }

    public TrainingProgress Progress { get; }

    public string RunId { get; }

    /// <summary>Reads a checkpoint. <see cref="Restore"/> validates its tensors.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, or not a checkpoint.</exception>
    public static Checkpoint Read(string path)
    {
        var file = SafetensorsFile.Read(path);
        using var guard = new DisposeOnError(file);
        return guard.Complete(new Checkpoint(file, path));
    }

    /// <summary>True for a checkpoint, false for a file of weights alone.</summary>
    internal static bool Is(SafetensorsFile file) => file.Tensors.ContainsKey(EpochRngKey);

    /// <summary>Writes the current state of a training atomically. It must be between two steps.</summary>
    public static void Write(string path, Trainer trainer, RunData data, string runId)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = [];
        var saved = trainer.SaveState();
        foreach (var (name, weight) in saved.Weights)
            tensors.Add(WeightPrefix + name, weight);
        foreach (var (name, momentum) in saved.MomentumBuffers)
            tensors.Add(MomentumPrefix + name, momentum);
        tensors.Add(EpochRngKey, saved.EpochRngState);
        if (saved.StepRngState is { } stepState)
            tensors.Add(StepRngKey, stepState);

        // A tensor, because the history grows with epochs and classes, and the size of the metadata is limited.
        tensors.Add(ProgressKey, tensor(JsonSerializer.SerializeToUtf8Bytes(saved.Progress, JsonFormat.Line)));

        var metadata = new Dictionary<string, string>
        {
            ["settings"] = JsonSerializer.Serialize(trainer.Settings, JsonFormat.Line),
            ["data"] = JsonSerializer.Serialize(data, JsonFormat.Line),
            ["run"] = runId,
        };
        new SafetensorsFile(tensors, metadata).Write(path);
    }

    /// <summary>Ensures that a resumed run has the same settings; epochs may differ, unless the learning rate depends on them.</summary>
    /// <exception cref="InvalidDataException">Settings differ; the message names them.</exception>
    public void EnsureSame(TrainSettings settings)
    {
        if (settings.Epochs < Progress.History.Count)
            throw new InvalidDataException(
                $"{Path} has {Progress.History.Count} epochs done already, more than the {settings.Epochs} that are asked for.");
        var areEpochsFixed = Settings.Schedule is Schedule.OneCycle;
        var expected = areEpochsFixed ? Settings : Settings with { Epochs = settings.Epochs };
        if (JsonFormat.Differences(expected, settings) is { Length: > 0 } differences)
        {
            var error = new InvalidDataException($"{Path} has other settings: {string.Join("; ", differences)}. "
                + $"{(areEpochsFixed ? "None" : "Only the number of epochs")} may differ.");
            throw areEpochsFixed ? error.With(Remedy.StartFromWeights) : error;
        }
    }

    /// <summary>Ensures that a resumed run has the data of this one, in any folder.</summary>
    /// <exception cref="InvalidDataException">The data differ; the message says how.</exception>
    public void EnsureSame(RunData data)
    {
        var areImageFiles = Data.ImageSettings is not null && data.ImageSettings is not null;
        if (areImageFiles && JsonFormat.Differences(Data.ImageSettings, data.ImageSettings) is { Length: > 0 } others)
            throw new InvalidDataException(
                $"{Path} has images that were prepared in another way: {string.Join("; ", others)}. Leave out those options.");
        if (JsonFormat.Differences(Data with { Folder = data.Folder, Splits = data.Splits }, data) is { Length: > 0 } differences)
        {
            var change = areImageFiles ? $"images in {data.Folder} were added, removed or changed" : string.Join("; ", differences);
            throw new InvalidDataException($"{Path} belongs to a run on other data: {change}.").With(Remedy.NameData);
        }
    }

    /// <summary>Copies the state into a training.</summary>
    /// <exception cref="InvalidDataException">Tensors are missing, or do not fit the network.</exception>
    public void Restore(Trainer trainer)
    {
        var (weights, momentum) = (WithPrefix(WeightPrefix), WithPrefix(MomentumPrefix));
        if (StateDictionary.Mismatch(trainer.Model.state_dict(), weights) is { } mismatch)
            throw Damaged(mismatch);

        // Momentum begins with the first step.
        var parameters = trainer.Model.named_parameters().ToDictionary(named => named.name, Tensor (named) => named.parameter);
        var isStart = momentum.Count == 0 && Progress is { Epoch: 1, Step: 0 };
        if (!isStart && StateDictionary.Mismatch(parameters, momentum) is { } momentumMismatch)
            throw Damaged($"of the momentum, {momentumMismatch}");

        var epochState = RngState(EpochRngKey);
        var stepState = Layers.Has<TorchSharp.Modules.Dropout>(trainer.Model) && Progress.Step > 0 ? RngState(StepRngKey) : null;
        trainer.LoadState(new TrainerState(Progress, weights, momentum, epochState, stepState));
    }

    public void Dispose() => file.Dispose();

    private Tensor RngState(string key)
    {
        using var current = get_rng_state();
        return file.Tensors.TryGetValue(key, out var state)
            && state.dtype == current.dtype && state.shape.SequenceEqual(current.shape) && IsMersenneTwister(state.bytes)
            ? state
            : throw Damaged($"its {key} is missing or not a generator's state");
    }

    // libtorch throws at an impossible state, TorchSharp 0.107 does not catch it, and the process would abort. Source: PyTorch's
    // aten/src/ATen/CPUGeneratorImpl.cpp (numbers left, seeded, next number) and core/MT19937RNGEngine.h (624 numbers at a time; one is
    // left at the start, so that new ones are generated).
    private static bool IsMersenneTwister(ReadOnlySpan<byte> state)
    {
        const uint numbers = 624;
        var (left, seeded) = (BinaryPrimitives.ReadUInt32LittleEndian(state[8..]), BinaryPrimitives.ReadUInt32LittleEndian(state[12..]));
        var next = BinaryPrimitives.ReadUInt64LittleEndian(state[16..]);
        return seeded == 1 && left is > 0 and <= numbers && next <= numbers && left + next <= numbers + 1;
    }

    private Dictionary<string, Tensor> WithPrefix(string prefix) => file.Tensors
        .Where(tensor => tensor.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(tensor => tensor.Key[prefix.Length..], tensor => tensor.Value);

    private InvalidDataException Damaged(string reason) => new($"{Path} is not a checkpoint of this run: {reason}.");
}
