using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>
/// Trains a network with SGD on the cross entropy and evaluates it after each epoch. The same seed gives the initial weights and the
/// batches of the article's PyTorch program bit for bit; losses agree to 1e-5 in the first 20 steps, then rounding accumulates.
/// </summary>
internal sealed class Trainer : IDisposable
{
    private const int StepsBetweenCollections = 50;

    private readonly Stack<IDisposable> parts = new();
    private readonly IForwardBackward forwardBackward;
    private readonly ScheduledOptimizer optimizer;
    private readonly FrozenLayers? frozen; // null if all layers run in every step
    private readonly EpochRng rng = new();
    private readonly int metricsEvery;

    private Trainer(TrainSettings settings, DataSet data, Device device, ParallelSettings parallelism, int metricsEvery)
    {
        (Settings, this.metricsEvery) = (settings, metricsEvery);
        using var guard = new DisposeOnError(this);
        Splits = Own(TrainingSplits.Create(data, settings.Validation ?? 0, device, parallelism.Group));
        if (settings.Patience is not null && Splits.Validation is null)
            throw new UserException("Early stopping needs validation images: the test images must not decide when to stop.")
                .With(Remedy.HoldOutValidation);
        settings.Augment?.ValidateChannels(data.Channels);
        manual_seed(settings.Seed);
        var shape = TrainableModel.ShapeOf(data);
        Model = Own(TrainableModel.Create(settings, shape));
        TrainableModel.MoveToDevice(Model, device, settings.Freeze);
        Parallelism = parallelism.Resolve(settings, Model, Splits.Train.Count);
        frozen = FrozenLayers.Find(Model, settings, Splits, parallelism.Group.WorldSize);
        if (frozen is not null)
            Own(frozen);
        forwardBackward = Own(Parallelism.CreateForwardBackward(
            settings,
            frozen?.Head ?? Model,
            () => frozen?.CreateReplica() ?? settings.Architecture.CreateForTraining(shape).to(device),
            device,
            Splits.ClassCounts));
        optimizer = Own(new ScheduledOptimizer(Model, settings, StepsPerEpoch));
        rng.StartEpoch();
        guard.Complete(this);

        T Own<T>(T part)
            where T : IDisposable
        {
            parts.Push(part);
            return part;
        }
    }

    public TrainSettings Settings { get; }

    public TrainingSplits Splits { get; }

    /// <summary>The network in training, auxiliary classifiers included.</summary>
    public Module<Tensor, Tensor> Model { get; }

    /// <summary>Division of each batch, with the number of replicas chosen.</summary>
    public ParallelSettings Parallelism { get; }

    public TrainingProgress Progress { get; private set; } = TrainingProgress.Start;

    public long StepsPerEpoch => EpochBatches.CountOf(Splits.Train.Count, Settings.BatchSize);

    private bool HasStepRngState => Progress.Step > 0 && Layers.Has<Dropout>(Model);

    /// <summary>Creates the model with its initial weights, and everything that trains it.</summary>
    /// <param name="data">Must live as long as the trainer.</param>
    /// <param name="parallelism">Null for one process with one replica.</param>
    /// <param name="metricsEvery">Reads losses back and runs callbacks every N steps; on a GPU, each read waits for the device.</param>
    /// <exception cref="UserException">The settings do not fit the data or the network.</exception>
    public static Trainer Create(
        TrainSettings settings, DataSet data, Device device, ParallelSettings? parallelism = null, int metricsEvery = 1) =>
        new(settings, data, device, parallelism ?? new ParallelSettings(), metricsEvery);

    /// <summary>Trains to the last epoch, or until <see cref="TrainSettings.Patience"/> ends the run.</summary>
    /// <param name="cancellation">Ends the training after the current step, or the evaluation after its current batch.</param>
    /// <exception cref="DivergenceException">The loss is no longer a finite number.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled; <see cref="Progress"/> says where.</exception>
    public void Fit(IReadOnlyCollection<ITrainingCallback> callbacks, CancellationToken cancellation = default)
    {
        rng.RewindToEpoch(HasStepRngState);
        frozen?.Dispose(); // features of weights before LoadState
        while (!Progress.IsFinished(Settings))
        {
            var (imagesBefore, trainStart) = (Progress.ImageSum, Stopwatch.GetTimestamp());
            var inputs = frozen?.ComputeFeatures(Splits, Settings.BatchSize, cancellation) ?? Splits;
            TrainEpoch(inputs, callbacks, cancellation);
            var trainSeconds = Stopwatch.GetElapsedTime(trainStart).TotalSeconds;

            var testStart = Stopwatch.GetTimestamp();
            var (validation, test) = Evaluate(inputs, cancellation);
            var testSeconds = Stopwatch.GetElapsedTime(testStart).TotalSeconds;

            var metrics = EpochMetrics.From(Progress, Progress.ImageSum - imagesBefore, trainSeconds, validation, test, testSeconds);
            Progress = Progress.AfterEpoch(metrics);
            rng.StartEpoch();
            foreach (var callback in callbacks)
                callback.OnEpochEnd(metrics);
        }
    }

    /// <summary>Trains one step per learning rate, in any number of epochs, without evaluations; keeps <see cref="Progress"/>.</summary>
    /// <returns>Metrics of each step; a loss may be infinite or NaN.</returns>
    /// <exception cref="OperationCanceledException">The steps were cancelled.</exception>
    public IEnumerable<StepMetrics> TrainSteps(IEnumerable<double> learningRates, CancellationToken cancellation)
    {
        var step = 0;
        var inputs = frozen?.ComputeFeatures(Splits, Settings.BatchSize, cancellation) ?? Splits;
        foreach (var rates in learningRates.Chunk((int)StepsPerEpoch))
        {
            using var epochScope = NewDisposeScope();
            TrainableModel.SetTrainMode(Model, Settings.Freeze);
            using var loader = EpochBatches.Load(inputs.Train, inputs.Normalization, Settings.BatchSize);
            foreach (var (rate, batch) in rates.Zip(loader))
            {
                if (Parallelism.Group.AnyRank(cancellation.IsCancellationRequested))
                    throw new OperationCanceledException(cancellation);
                optimizer.LearningRate = rate;
                yield return TrainStep(++step, batch).Read().Metrics;
            }
        }
    }

    /// <summary>Returns the state between two steps. Its tensors are the trainer's own, or belong to the current dispose scope.</summary>
    public TrainerState SaveState() => new(
        Progress,
        Weights: Model.state_dict(),
        MomentumBuffers: Progress is { Epoch: 1, Step: 0 } ? new Dictionary<string, Tensor>() : optimizer.MomentumBuffers,
        rng.SaveEpochState(),
        HasStepRngState ? rng.SaveStepState() : null);

    /// <summary>Continues from a saved state, whose tensors are copied.</summary>
    public void LoadState(TrainerState state)
    {
        using (no_grad())
            foreach (var (name, weight) in Model.state_dict())
                weight.copy_(state.Weights[name]);
        optimizer.Load(state.MomentumBuffers, stepsDone: (state.Progress.Epoch - 1) * StepsPerEpoch + state.Progress.Step);
        rng.Load(state.EpochRngState, state.StepRngState);
        Progress = state.Progress;
    }

    public void Dispose()
    {
        while (parts.TryPop(out var part))
            part.Dispose();
    }

    private void TrainEpoch(TrainingSplits inputs, IReadOnlyCollection<ITrainingCallback> callbacks, CancellationToken cancellation)
    {
        using var epochScope = NewDisposeScope();
        TrainableModel.SetTrainMode(Model, Settings.Freeze);
        var step = Progress.Step;
        using var loader = EpochBatches.Load(inputs.Train, inputs.Normalization, Settings.BatchSize, firstBatch: step);
        rng.ContinueSteps();
        List<PendingStep> pending = [];
        foreach (var batch in loader)
        {
            if (Parallelism.Group.AnyRank(cancellation.IsCancellationRequested))
            {
                FlushMetrics(pending, callbacks);
                throw new OperationCanceledException(cancellation);
            }

            pending.Add(TrainStep(++step, batch));
            if (step % StepsBetweenCollections == 0)
                Allocator.FreeScalars();
            if (step % metricsEvery == 0)
                FlushMetrics(pending, callbacks);
        }

        FlushMetrics(pending, callbacks);
    }

    private PendingStep TrainStep(int number, Batch batch)
    {
        using var scope = NewDisposeScope();
        var images = Settings.Augment?.Apply(
            batch.Images, Splits.Normalization, Settings.Seed, Progress.Epoch, number) ?? batch.Images;
        var metrics = new StepMetrics(
            Progress.Epoch, number, (int)StepsPerEpoch, Loss: double.NaN, Images: (int)batch.Labels.shape[0], optimizer.LearningRate);
        optimizer.ZeroGrad();
        var (loss, correct) = forwardBackward.Backward(images, batch.Labels);
        optimizer.Step();
        return new PendingStep(metrics, loss.MoveToOuterDisposeScope(), correct.MoveToOuterDisposeScope());
    }

    // Progress advances before the callbacks run: if one throws, the state is still one to resume from.
    private void FlushMetrics(List<PendingStep> pending, IReadOnlyCollection<ITrainingCallback> callbacks)
    {
        var steps = pending.Select(step => step.Read()).ToArray();
        pending.Clear();
        var finished = steps.TakeWhile(step => double.IsFinite(step.Metrics.Loss)).ToArray();
        foreach (var (metrics, correct) in finished)
            Progress = Progress.AfterStep(metrics, correct);
        foreach (var (metrics, _) in finished)
            foreach (var callback in callbacks)
                callback.OnStepEnd(metrics);
        if (finished.Length < steps.Length && steps[finished.Length].Metrics is var (epoch, number, _, loss, _, _))
            throw new DivergenceException(
                $"The loss became {loss} in epoch {epoch}, step {number}. Try a learning rate below {Settings.LearningRate}.")
                .With(Remedy.FindLearningRate);
    }

    private (Evaluation? Validation, Evaluation Test) Evaluate(TrainingSplits inputs, CancellationToken cancellation)
    {
        Allocator.ReturnFreedMemory();
        var validation = inputs.Validation is { } heldOut ? Evaluate(heldOut) : null;
        var test = Evaluate(inputs.Test);

        // After both evaluations: a cancelled one must leave the generator as it was after the last step.
        if (validation is not null)
            EpochBatches.SkipLoaderSeed();
        EpochBatches.SkipLoaderSeed();
        Allocator.ReturnFreedMemory();
        return (validation, test);

        Evaluation Evaluate(LabeledImages images) =>
            Evaluator.Evaluate(
                frozen?.Head ?? Model, images, inputs.Normalization, group: Parallelism.Group, cancellation: cancellation);
    }
}
