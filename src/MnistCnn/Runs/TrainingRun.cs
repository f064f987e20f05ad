using MnistCnn.Data;
using MnistCnn.Files;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;

namespace MnistCnn.Runs;

internal sealed record TrainingRequest(TrainSettings Settings, DataSet Data, Device Device)
{
    /// <summary>Path of the run folder; null for the next free name, or for the folder of the checkpoint.</summary>
    public string? Folder { get; init; }

    /// <summary>File of weights to start from; null for random initial weights. Resuming ignores it.</summary>
    public string? InitialWeights { get; init; }

    /// <summary>Write a checkpoint every N steps of an epoch, besides after each epoch.</summary>
    public int? CheckpointEvery { get; init; }

    /// <summary>On a GPU, read losses back every N steps, because each read waits for the device. On the CPU, every step is read.</summary>
    public int LogEveryNSteps { get; init; } = 100;

    public ParallelSettings Parallelism { get; init; } = new();
}

/// <summary>
/// A training that writes its record, metrics, weights and checkpoints into a <see cref="RunFolder"/>. Resumed from its last checkpoint, it
/// gives the same weights and metrics as an uninterrupted run.
/// </summary>
/// <remarks>Create it with <see cref="Create"/> or <see cref="TrainToEnd"/>.</remarks>
internal sealed class TrainingRun(
    TrainingRequest request, Trainer trainer, RunFolder? folder, IReadOnlyList<string> initNotes) : IDisposable
{
    public Trainer Trainer => trainer;

    public RunFolder Folder => folder ?? throw new InvalidOperationException("Only rank 0 has a run folder.");

    /// <summary>True on all ranks but the first: they take part in the training and write no files.</summary>
    public bool IsWorkerRank => folder is null;

    /// <summary>One sentence per part of the network that could not take the initial weights of a file.</summary>
    public IReadOnlyList<string> InitNotes => initNotes;

    /// <summary>Prepares a new run, or the continuation of one.</summary>
    /// <param name="checkpoint">State to continue from, which is disposed, because it is large; null for a new run.</param>
    /// <exception cref="IOException">The folder cannot be written, is in use or holds a run, or the weights cannot be read.</exception>
    /// <exception cref="InvalidDataException">The weights do not fit, or the checkpoint is damaged or of another run.</exception>
    /// <exception cref="UserException">The settings do not fit the data or the network.</exception>
    public static TrainingRun Create(TrainingRequest request, Checkpoint? checkpoint = null)
    {
        var (started, group) = (DateTimeOffset.Now, request.Parallelism.Group);
        var trainer = CreateTrainer(request, checkpoint, out var initNotes);
        using var guard = new DisposeOnError(trainer);
        request = request with { Data = request.Data with { Normalization = trainer.Splits.Normalization } };
        checkpoint?.Dispose();
        var info = new RunInfo(
            Id: checkpoint?.RunId ?? Guid.NewGuid().ToString("N"),
            request.Settings,
            Layers.ParameterCount(trainer.Model),
            request.Device.ToString(),
            get_num_threads(),
            Versions.All,
            RunData.Of(request.Data),
            started)
        {
            AuxiliaryParameters = Layers.AuxiliaryParameterCount(trainer.Model),
            Processes = group.WorldSize > 1 ? group.WorldSize : null,
            Replicas = trainer.Parallelism.Replicas is > 1 and var replicas ? replicas : null,
        };
        var folder = group.RunOnAll(() => group.Rank > 0 ? null : RunFolder.Open(request.Folder, info, checkpoint));
        return guard.Complete(new TrainingRun(request, trainer, folder, initNotes));
    }

    /// <summary>Creates the trainer of a run, new or from a checkpoint, and checks that it is the same on all ranks.</summary>
    /// <inheritdoc cref="Create" path="/exception"/>
    public static Trainer CreateTrainer(TrainingRequest request, Checkpoint? checkpoint, out IReadOnlyList<string> initNotes)
    {
        IReadOnlyList<string> notes = [];
        var trainer = request.Parallelism.Group.RunOnAll(() => CreateTrainerOnRank(request, checkpoint, out notes));
        using var guard = new DisposeOnError(trainer);
        EnsureSameOnAllRanks(request, trainer);
        initNotes = notes;
        return guard.Complete(trainer);
    }

    /// <summary>Creates or resumes the run in the requested folder, and trains it to its end. The caller disposes the run.</summary>
    /// <param name="report">Receives the fraction of the training that is done.</param>
    /// <exception cref="DivergenceException">The loss is no longer a finite number.</exception>
    /// <inheritdoc cref="Create" path="/exception"/>
    public static TrainingRun TrainToEnd(TrainingRequest request, Action<double> report, CancellationToken cancellation)
    {
        var path = Path.Combine(request.Folder!, RunFolder.CheckpointFile);
        using var checkpoint = File.Exists(path) ? Checkpoint.Read(path) : null;
        var run = Create(request, checkpoint);
        using var guard = new DisposeOnError(run);
        return run.Train([new ProgressCallback(request.Settings.Epochs, report)], cancellation)
            ? guard.Complete(run)
            : throw new OperationCanceledException(cancellation);
    }

    /// <summary>Ensures, before images are decoded, that a network can be trained on them.</summary>
    /// <param name="images">Resolved settings of the images.</param>
    /// <exception cref="InvalidDataException">The initial weights do not fit the network.</exception>
    /// <exception cref="UserException">The network does not support images of that size.</exception>
    public static void EnsureTrainable(TrainSettings settings, ImageSettings images, InitialWeights? initial)
    {
        var shape = new NetworkShape(images.Channels, images.Height!.Value, images.Width!.Value, NetworkShape.Mnist.Classes);
        using var network = TrainableModel.Create(settings, shape, onMeta: true);
        initial?.EnsureFit(network);
    }

    /// <summary>Trains to the end, or until the run is cancelled, and records the result in <c>run.json</c>.</summary>
    /// <param name="cancellation">Stops the run after the current step or, during an evaluation, after the current batch.</param>
    /// <returns>False if the run was cancelled.</returns>
    /// <exception cref="DivergenceException">The loss is no longer a finite number.</exception>
    public bool Train(IReadOnlyCollection<ITrainingCallback> callbacks, CancellationToken cancellation)
    {
        if (IsWorkerRank)
            return FitUntilCancelled(callbacks, cancellation);
        try
        {
            var files = new ModelCheckpoint(Folder, Trainer, request.Data, request.CheckpointEvery);
            files.SaveCheckpoint();
            files.SaveMissingWeights();
            var group = request.Parallelism.Group;
            var waitedBefore = group.SecondsWaited;
            var isFinished = FitUntilCancelled([files, .. callbacks], cancellation);
            if (!isFinished)
                files.SaveCheckpoint();
            Folder.Finish(isFinished ? RunStatus.Finished : RunStatus.Stopped, secondsWaited: group.SecondsWaited - waitedBefore);
            return isFinished;
        }
        catch (Exception error)
        {
            Folder.Fail(error);
            throw;
        }
    }

    public void Dispose()
    {
        Trainer.Dispose();
        folder?.Dispose();
    }

    // Weights that were trained on ImageNet need its normalization, also in a resumed run.
    private static Trainer CreateTrainerOnRank(TrainingRequest request, Checkpoint? checkpoint, out IReadOnlyList<string> initNotes)
    {
        var data = request.Data;
        using var initial = checkpoint is null ? InitialWeights.Read(request.InitialWeights, request.Settings.Architecture) : null;
        if ((initial?.Normalization ?? checkpoint?.Data.Normalization) is { IsOfImageNet: true } normalization)
            data = data with { Normalization = normalization };
        checkpoint?.EnsureSame(request.Settings);
        checkpoint?.EnsureSame(RunData.Of(data));
        var metricsEvery = request.Device.type == DeviceType.CPU ? 1 : request.LogEveryNSteps;
        var trainer = Trainer.Create(request.Settings, data, request.Device, request.Parallelism, metricsEvery);
        using var guard = new DisposeOnError(trainer);
        checkpoint?.Restore(trainer);
        initNotes = initial?.CopyInto(trainer.Model, data.ClassNames) ?? [];
        return guard.Complete(trainer);
    }

    // Ranks with different options or files would train different networks.
    private static void EnsureSameOnAllRanks(TrainingRequest request, Trainer trainer)
    {
        var data = RunData.Of(request.Data) with { Folder = "", Splits = null };
        var own = new RankState(Versions.Program, request.Settings, data, trainer.Progress, StateDictionary.Sha256(trainer.Model));
        var texts = request.Parallelism.Group.AllGatherText(JsonSerializer.Serialize(own, JsonFormat.Line));
        RankState[] states = [.. texts.Select((text, rank) => JsonFormat.Parse<RankState>(text, $"The state of process {rank}"))];
        foreach (var (rank, state) in states.Index())
            if (JsonFormat.Differences(states[0], state, "{0} is {2}, not {1}") is { Length: > 0 } differences)
                throw new UserException(
                    $"Process {rank} of {states.Length} would train something else than process 0: "
                    + $"{string.Join("; ", differences.Take(3))}. Start all of them with the same options.");
    }

    private bool FitUntilCancelled(IReadOnlyCollection<ITrainingCallback> callbacks, CancellationToken cancellation)
    {
        try
        {
            Trainer.Fit(callbacks, cancellation);
            return true;
        }
        catch (Exception error) when (error is OperationCanceledException || IsFromClosedTerminal(error, cancellation))
        {
            return false;
        }
    }

    // After SIGHUP, callbacks cannot write to the closed terminal. With several ranks the others would wait, so the error ends them.
    private bool IsFromClosedTerminal(Exception error, CancellationToken cancellation) =>
        error is IOException && cancellation.IsCancellationRequested && request.Parallelism.Group.WorldSize == 1;

    private sealed record RankState(string Version, TrainSettings Settings, RunData Data, TrainingProgress Progress, string Weights);
}
