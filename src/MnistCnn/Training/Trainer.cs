using System.Diagnostics;
using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Training;

/// <summary>
/// Trains a network with SGD on the cross entropy and evaluates it after each epoch. The same seed gives the initial weights and the batches
/// of the article's PyTorch program bit for bit; losses agree to 1e-5 in the first 20 steps, and then rounding separates the two.
/// </summary>
internal sealed class Trainer : IDisposable
{
    private const int StepsBetweenCollections = 50;

    private readonly Stack<IDisposable> parts = new();
    private readonly IForwardBackward forwardBackward;
    private readonly SgdWithSchedule optimizer;
    private readonly int metricsEvery;

    // State of torch's default generator at the start of the epoch; it reproduces the epoch's shuffle.
    private Tensor epochRngState;

    // State of torch's default generator after the last step of an interrupted epoch, until the epoch continues; for dropout.
    private Tensor? stepRngState;

    private Trainer(TrainSettings settings, DataSet data, Device device, ParallelSettings parallelism, int metricsEvery)
    {
        (Settings, this.metricsEvery) = (settings, metricsEvery);
        try
        {
            var shape = TrainableModel.ShapeOf(data);
            Splits = Own(TrainingSplits.Create(data, settings.Validation ?? 0, device, parallelism.Group));
            manual_seed(settings.Seed);
            Model = Own(TrainableModel.Create(settings, shape, device));
            Parallelism = parallelism.Resolve(settings, Model, Splits.Train.Count);
            forwardBackward = Own(Parallelism.CreateForwardBackward(settings, Model, shape, device, Splits.ClassCounts));
            optimizer = Own(new SgdWithSchedule(Model, settings, StepsPerEpoch));
            epochRngState = get_rng_state();
        }
        catch
        {
            Dispose();
            throw;
        }

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

    /// <summary>Replicas and processes that share each batch, with the number of replicas chosen.</summary>
    public ParallelSettings Parallelism { get; }

    public TrainingProgress Progress { get; private set; } = TrainingProgress.Start;

    public long StepsPerEpoch => EpochBatches.CountOf(Splits.Train.Count, Settings.BatchSize);

    /// <summary>Creates the model with its initial weights and everything that trains it.</summary>
    /// <param name="data">Must live as long as the trainer.</param>
    /// <param name="parallelism">Null for one process with one replica.</param>
    /// <param name="metricsEvery">
    /// Reads losses back and calls <see cref="ITrainingCallback.OnStepEnd"/> every N steps; on a GPU, each read waits for the device.
    /// </param>
    /// <exception cref="UserException">The settings do not fit the data or the network.</exception>
    public static Trainer Create(
        TrainSettings settings, DataSet data, Device device, ParallelSettings? parallelism = null, int metricsEvery = 1) =>
        new(settings, data, device, parallelism ?? new ParallelSettings(), metricsEvery);

    /// <summary>Trains to the last epoch, or until <see cref="TrainSettings.Patience"/> ends the run.</summary>
    /// <param name="callbacks">Called in their order, on this thread.</param>
    /// <param name="cancellation">Ends the training after the current step, or the evaluation after its current batch.</param>
    /// <exception cref="DivergenceException">The loss is no longer a finite number.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled; <see cref="Progress"/> says where.</exception>
    public void Fit(IReadOnlyCollection<ITrainingCallback> callbacks, CancellationToken cancellation = default)
    {
        // Other code may have used torch's default generator since the trainer was created or stopped.
        stepRngState ??= CurrentStepRngState()?.DetachFromDisposeScope();
        set_rng_state(epochRngState);
        while (!Progress.IsFinished(Settings))
        {
            var imagesBefore = Progress.ImageSum;
            var trainStart = Stopwatch.GetTimestamp();
            TrainEpoch(callbacks, cancellation);
            var trainSeconds = Stopwatch.GetElapsedTime(trainStart).TotalSeconds;

            var testStart = Stopwatch.GetTimestamp();
            var (validation, test) = Evaluate(cancellation);
            var testSeconds = Stopwatch.GetElapsedTime(testStart).TotalSeconds;

            CompleteEpoch(
                EpochMetrics.From(Progress, Progress.ImageSum - imagesBefore, trainSeconds, validation, test, testSeconds), callbacks);
        }
    }

    /// <summary>State between two steps. Its tensors are the trainer's own, or belong to the current dispose scope.</summary>
    public TrainerState SaveState() => new(
        Progress,
        Weights: Model.state_dict(),
        MomentumBuffers: Progress is { Epoch: 1, Step: 0 } ? new Dictionary<string, Tensor>() : optimizer.MomentumBuffers,
        epochRngState,
        CurrentStepRngState());

    /// <summary>Continues from a saved state. Its tensors are copied.</summary>
    public void LoadState(TrainerState state)
    {
        using (no_grad())
            foreach (var (name, weight) in Model.state_dict())
                weight.copy_(state.Weights[name]);
        optimizer.Load(state.MomentumBuffers, stepsDone: (state.Progress.Epoch - 1) * StepsPerEpoch + state.Progress.Step);
        Progress = state.Progress;
        var (oldEpochRngState, oldStepRngState) = (epochRngState, stepRngState);
        epochRngState = state.EpochRngState.clone().DetachFromDisposeScope();
        stepRngState = state.StepRngState?.clone().DetachFromDisposeScope();
        oldEpochRngState.Dispose();
        oldStepRngState?.Dispose();
    }

    public void Dispose()
    {
        while (parts.TryPop(out var part))
            part.Dispose();
        epochRngState?.Dispose();
        stepRngState?.Dispose();
    }

    private void TrainEpoch(IReadOnlyCollection<ITrainingCallback> callbacks, CancellationToken cancellation)
    {
        using var epochScope = NewDisposeScope();
        TrainableModel.SetTrainMode(Model, Settings.Freeze);
        var step = Progress.Step;
        using var loader = EpochBatches.Load(Splits.Train, Splits.Normalization, Settings.BatchSize, firstBatch: step);
        RestoreStepRngState();
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
        var images = Settings.Augment?.Apply(batch.Images, Settings.Seed, Progress.Epoch, number) ?? batch.Images;
        var learningRate = optimizer.LearningRate;
        optimizer.ZeroGrad();
        var (loss, correct) = forwardBackward.Backward(images, batch.Labels);
        optimizer.Step();
        return new PendingStep(
            number, (int)batch.Labels.shape[0], learningRate, loss.MoveToOuterDisposeScope(), correct.MoveToOuterDisposeScope());
    }

    // Progress advances before the callbacks run: if one throws, the state is still one to resume from.
    private void FlushMetrics(List<PendingStep> pending, IReadOnlyCollection<ITrainingCallback> callbacks)
    {
        List<StepMetrics> finished = [];
        DivergenceException? divergence = null;
        foreach (var (number, images, learningRate, loss, correct) in pending)
        {
            var metrics = new StepMetrics(Progress.Epoch, number, (int)StepsPerEpoch, loss.item<float>(), images, learningRate);
            if (!double.IsFinite(metrics.Loss))
            {
                divergence = new DivergenceException(
                    $"The loss became {metrics.Loss} in epoch {Progress.Epoch}, step {number}. Try a learning rate below {Settings.LearningRate}.");
                break;
            }

            Progress = Progress.AfterStep(metrics, correct.item<long>());
            finished.Add(metrics);
            loss.Dispose();
            correct.Dispose();
        }

        pending.Clear();
        foreach (var metrics in finished)
            foreach (var callback in callbacks)
                callback.OnStepEnd(metrics);
        if (divergence is not null)
            throw divergence;
    }

    private (Evaluation? Validation, Evaluation Test) Evaluate(CancellationToken cancellation)
    {
        Allocator.ReturnFreedMemory();
        var validation = Splits.Validation is { } heldOut ? Evaluate(heldOut) : null;
        var test = Evaluate(Splits.Test);

        // After both evaluations: a cancelled one must leave the generator as it was after the last step.
        if (validation is not null)
            EpochBatches.SkipLoaderSeed();
        EpochBatches.SkipLoaderSeed();
        Allocator.ReturnFreedMemory();
        return (validation, test);

        Evaluation Evaluate(LabeledImages images) =>
            Evaluator.Evaluate(Model, images, Splits.Normalization, group: Parallelism.Group, cancellation: cancellation);
    }

    private void CompleteEpoch(EpochMetrics metrics, IReadOnlyCollection<ITrainingCallback> callbacks)
    {
        Progress = Progress.AfterEpoch(metrics);
        epochRngState.Dispose();
        epochRngState = get_rng_state().DetachFromDisposeScope();
        foreach (var callback in callbacks)
            callback.OnEpochEnd(metrics);
    }

    private Tensor? CurrentStepRngState() =>
        Progress.Step > 0 && Layers.Has<Dropout>(Model) ? stepRngState?.clone() ?? get_rng_state() : null;

    // Loading the epoch has replayed its shuffle; dropout continues with the random numbers after the last finished step.
    private void RestoreStepRngState()
    {
        if (stepRngState is null)
            return;
        set_rng_state(stepRngState);
        stepRngState.Dispose();
        stepRngState = null;
    }

    /// <summary>A finished step whose loss may still be computed on the GPU.</summary>
    private readonly record struct PendingStep(int Number, int Images, double LearningRate, Tensor Loss, Tensor Correct);
}
