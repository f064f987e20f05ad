using System.Text.Json;
using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Runs;

/// <summary>
/// A training that lasts: it leaves a folder with its record, after each epoch <c>model.safetensors</c>, <c>best.safetensors</c>
/// where the epoch was the best so far, and a checkpoint, from which it goes on as if it had never been stopped.
/// </summary>
internal sealed class TrainingRun : ITrainingCallback, IDisposable
{
    private const int DefaultLogEveryNSteps = 100;

    private readonly DataSet data;
    private readonly int? checkpointEvery;
    private readonly RunFolder? folder;

    private TrainingRun(Trainer trainer, RunFolder? folder, DataSet data, int? checkpointEvery)
    {
        Trainer = trainer;
        this.folder = folder;
        this.data = data;
        this.checkpointEvery = checkpointEvery;
    }

    /// <summary>What trains the network.</summary>
    public Trainer Trainer { get; }

    /// <summary>What it leaves behind.</summary>
    /// <exception cref="InvalidOperationException">It only <see cref="Follows"/>.</exception>
    public RunFolder Folder => folder ?? throw new InvalidOperationException("Only the first of several processes leaves a folder.");

    /// <summary>Whether another process leaves the folder, and this one only trains with it.</summary>
    public bool Follows => folder is null;

    /// <summary>One sentence per part of the network that could not take the initial weights of a file.</summary>
    public IReadOnlyList<string> InitNotes { get; private set; } = [];

    /// <summary>Begins a run.</summary>
    /// <param name="settings">How to train it.</param>
    /// <param name="data">What to train and test it on.</param>
    /// <param name="device">Where.</param>
    /// <param name="folder">The run folder, or null for the next free name.</param>
    /// <param name="init">A file with weights to start from, or null for fresh ones; see <see cref="InitialWeights.CopyInto"/>.</param>
    /// <param name="checkpointEvery">Write a checkpoint each N steps of an epoch too.</param>
    /// <param name="parallelism">Who trains it; null for this process alone, with one network.</param>
    /// <exception cref="IOException">The folder cannot be written, is in use, or holds a run already; or the weights cannot be read.</exception>
    /// <exception cref="InvalidDataException">The weights are not the network's.</exception>
    /// <exception cref="UserException">The network cannot be trained so; see <see cref="Training.Trainer"/>.</exception>
    public static TrainingRun Start(
        TrainSettings settings, DataSet data, Device device, string? folder = null, string? init = null, int? checkpointEvery = null,
        ParallelSettings? parallelism = null, int logEveryNSteps = DefaultLogEveryNSteps)
    {
        IReadOnlyList<string> notes = [];
        var run = Open(
            () => Trainer.Create(settings, data, device, parallelism, MetricsEvery(device, logEveryNSteps)),
            data,
            device,
            Guid.NewGuid().ToString("N"),
            checkpointEvery,
            parallelism?.Group ?? SingleProcess.Instance,
            trainer => notes = init is null ? [] : InitialWeights.CopyInto(trainer.Model, settings.Architecture, init, data.ClassNames),
            info => RunFolder.Create(folder, info));
        run.InitNotes = notes;
        return run;
    }

    /// <summary>Goes on with a run where its checkpoint stands.</summary>
    /// <param name="checkpoint">The checkpoint. Its tensors are copied and disposed, to be out of memory while the run lasts.</param>
    /// <param name="settings">Its settings; see <see cref="Checkpoint.EnsureSame(TrainSettings)"/>.</param>
    /// <param name="data">Its data.</param>
    /// <param name="device">Where.</param>
    /// <param name="folder">The run folder, or null for that of the checkpoint.</param>
    /// <param name="checkpointEvery">Write a checkpoint each N steps of an epoch too.</param>
    /// <param name="parallelism">Who trains it; null for this process alone, with one network.</param>
    /// <exception cref="IOException">The folder cannot be written, is in use, or holds another run.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or of other settings or data.</exception>
    public static TrainingRun Resume(
        Checkpoint checkpoint,
        TrainSettings settings,
        DataSet data,
        Device device,
        string? folder = null,
        int? checkpointEvery = null,
        ParallelSettings? parallelism = null,
        int logEveryNSteps = DefaultLogEveryNSteps)
    {
        var run = Open(
            () =>
            {
                checkpoint.EnsureSame(settings);
                checkpoint.EnsureSame(RunData.Of(data));
                return Trainer.Create(settings, data, device, parallelism, MetricsEvery(device, logEveryNSteps));
            },
            data,
            device,
            checkpoint.RunId,
            checkpointEvery,
            parallelism?.Group ?? SingleProcess.Instance,
            checkpoint.Restore,
            info => RunFolder.Resume(checkpoint, folder, info));
        checkpoint.Dispose();
        return run;
    }

    /// <summary>Goes on with the run in a folder where there is a checkpoint of one, and begins it otherwise, as <see cref="ParallelSettings.Automatic"/> has it.</summary>
    /// <param name="settings">How to train it.</param>
    /// <param name="data">What to train and test it on.</param>
    /// <param name="device">Where.</param>
    /// <param name="folder">The run folder.</param>
    /// <param name="init">As for <see cref="Start"/>; of no meaning to a run that goes on.</param>
    /// <exception cref="IOException">As of <see cref="Start"/> and <see cref="Resume"/>; so are the others.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or of other settings or data.</exception>
    /// <exception cref="UserException">The network cannot be trained so.</exception>
    public static TrainingRun StartOrResume(
        TrainSettings settings, DataSet data, Device device, string folder, string? init = null)
    {
        var path = Path.Combine(folder, RunFolder.CheckpointFile);
        using var checkpoint = File.Exists(path) ? Checkpoint.Read(path) : null;
        return checkpoint is null
            ? Start(settings, data, device, folder, init, parallelism: ParallelSettings.Automatic)
            : Resume(checkpoint, settings, data, device, parallelism: ParallelSettings.Automatic);
    }

    /// <summary>Trains to the last epoch, or until it is stopped; <see cref="RunInfo.Status"/> says which.</summary>
    /// <param name="observers">Are told of each step and each epoch.</param>
    /// <param name="cancellation">Stops it after the current step, or the evaluation after its current batch.</param>
    /// <returns>Whether it came to its end.</returns>
    /// <exception cref="DivergenceException">The loss is no longer a finite number.</exception>
    /// <exception cref="IOException">The folder can no longer be written.</exception>
    public bool Train(IReadOnlyCollection<ITrainingCallback> observers, CancellationToken cancellation)
    {
        if (Follows)
            return TrainOn(observers, cancellation);
        try
        {
            SaveCheckpoint();
            if (Trainer.Progress is { Step: 0, History: [.., var last] } && !File.Exists(Folder.ModelPath))
                SaveWeights(Folder.ModelPath, last); // it goes on in a new folder, and may have no epoch left to do
            var group = Trainer.Parallelism.Group;
            var waitedBefore = group.SecondsWaited;
            var isFinished = TrainOn(observers, cancellation);
            Folder.Finish(isFinished ? RunStatus.Finished : RunStatus.Stopped, secondsWaited: group.SecondsWaited - waitedBefore);
            return isFinished;
        }
        catch (Exception error)
        {
            Folder.Fail(error);
            throw;
        }
    }

    /// <inheritdoc/>
    public void OnStepEnd(StepMetrics step)
    {
        if (step.Step % checkpointEvery == 0)
            SaveCheckpoint();
    }

    /// <inheritdoc/>
    public void OnEpochEnd(EpochMetrics epoch)
    {
        Folder.Append(epoch);
        SaveWeights(Folder.ModelPath, epoch);
        if (Trainer.Progress.BestEpoch == epoch.Epoch)
            SaveWeights(Folder.BestPath, epoch);
        SaveCheckpoint();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Trainer.Dispose();
        folder?.Dispose();
    }

    // On a GPU, reading a loss waits for the device.
    private static int MetricsEvery(Device device, int logEveryNSteps) => device.type == TorchSharp.DeviceType.CPU ? 1 : logEveryNSteps;

    private static TrainingRun Open(
        Func<Trainer> make,
        DataSet data,
        Device device,
        string id,
        int? checkpointEvery,
        IProcessGroup group,
        Action<Trainer> prepare,
        Func<RunInfo, RunFolder> open)
    {
        var started = DateTimeOffset.Now;
        var trainer = group.RunOnAll(() => Prepared(make(), prepare));
        try
        {
            EnsureSame(group, trainer, data);
            var info = new RunInfo(
                id, trainer.Settings, Layers.ParameterCount(trainer.Model), device.ToString(), get_num_threads(), Versions.All, RunData.Of(data), started)
            {
                AuxiliaryParameters = Layers.AuxiliaryParameterCount(trainer.Model),
                Processes = group.WorldSize > 1 ? group.WorldSize : null,
                Replicas = trainer.Parallelism.Replicas is > 1 and var replicas ? replicas : null,
            };
            return new TrainingRun(trainer, group.RunOnAll(() => group.Rank > 0 ? null : open(info)), data, checkpointEvery);
        }
        catch
        {
            trainer.Dispose();
            throw;
        }
    }

    private static Trainer Prepared(Trainer trainer, Action<Trainer> prepare)
    {
        try
        {
            prepare(trainer);
            return trainer;
        }
        catch
        {
            trainer.Dispose();
            throw;
        }
    }

    // Processes that start from something else than the first would not train its network.
    private static void EnsureSame(IProcessGroup group, Trainer trainer, DataSet data)
    {
        var own = new Beginning(
            Versions.Program, trainer.Settings, RunData.Of(data) with { Folder = "" }, trainer.Progress, StateDictionary.Sha256(trainer.Model));
        var all = group.AllGatherText(JsonSerializer.Serialize(own, JsonFormat.Line))
            .Select((text, rank) => JsonFormat.Parse<Beginning>(text, $"What process {rank} says")).ToArray();
        foreach (var (rank, other) in all.Index())
            if (JsonFormat.Differences(all[0], other, "{0} is {2}, not {1}") is { Length: > 0 } differences)
                throw new UserException($"Process {rank} of {group.WorldSize} would train something else than process 0: {string.Join("; ", differences)}. Start all of them alike.");
    }

    // What an epoch leaves is written before others are told of it: they may fail, and the checkpoint would stand behind the epoch.
    private bool TrainOn(IReadOnlyCollection<ITrainingCallback> observers, CancellationToken cancellation)
    {
        try
        {
            Trainer.Fit(Follows ? observers : [this, .. observers], cancellation);
            return true;
        }
        catch (Exception error) when (error is OperationCanceledException || IsOfClosedTerminal(error, cancellation))
        {
            if (!Follows)
                SaveCheckpoint();
            return false;
        }
    }

    // What observers write to a terminal that was closed fails too. Not where other processes would wait for this one at another place.
    private bool IsOfClosedTerminal(Exception error, CancellationToken cancellation) =>
        error is IOException && cancellation.IsCancellationRequested && Trainer.Parallelism.Group.WorldSize == 1;

    private void SaveCheckpoint() => Checkpoint.Write(Folder.CheckpointPath, Trainer, Folder.Info.Data, Folder.Info.Id);

    private void SaveWeights(string path, EpochMetrics epoch)
    {
        var metadata = WeightsMetadata.Of(data) with
        {
            Architecture = Trainer.Settings.Architecture.Name,
            Seed = Trainer.Settings.Seed,
            Epoch = epoch.Epoch,
            TestAccuracy = epoch.TestAccuracy,
        };
        new SafetensorsFile(Layers.WithoutAuxiliary(Trainer.Model, Trainer.Model.state_dict()), metadata.ToDictionary()).Write(path);
    }

    /// <summary>What processes that train together have to have in common before their first step.</summary>
    private sealed record Beginning(string Version, TrainSettings Settings, RunData Data, TrainingProgress State, string Weights);
}
