using System.Diagnostics;
using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.optim.lr_scheduler;

namespace MnistCnn.Training;

/// <summary>
/// Trains one network: SGD with momentum on the cross entropy, a test after each epoch. With the same seed it is the
/// article's program in PyTorch: the same initial weights and batches exactly, and losses that agree to 1e-5 in the first 20 steps;
/// later, rounding tells the two apart.
/// </summary>
internal sealed class Trainer : IDisposable
{
    private const int StepsBetweenCollections = 50;

    private readonly TrainSettings settings;
    private readonly Module<Tensor, Tensor> model;
    private readonly SGD optimizer;
    private readonly LRScheduler? schedule;
    private readonly LabeledImages trainSet;
    private readonly LabeledImages? validationSet;
    private readonly LabeledImages testSet;
    private readonly Normalization normalization;
    private readonly DataLoader<long, Batch> trainLoader;
    private readonly IForwardBackward batchLoss;
    private readonly ParallelSettings parallelism;

    // The default generator before the current epoch: its order can be drawn from it again.
    private Tensor epochRandomState;

    // The default generator at the step where a run goes on, until it is there.
    private Tensor? stepRandomState;

    /// <param name="architecture">The network to train.</param>
    /// <param name="settings">How to train it.</param>
    /// <param name="data">What to train and test it on; it must live as long as the trainer.</param>
    /// <param name="device">Where to train it.</param>
    /// <param name="parallelism">Who trains it; null for this process alone, with one network.</param>
    /// <exception cref="UserException">
    /// No image would be left to train on; or the network does not take images of that size, or cannot have replicas; or a batch would
    /// have a single one for a process, where batch normalisation needs more, or none.
    /// </exception>
    public Trainer(Architecture architecture, TrainSettings settings, DataSet data, Device device, ParallelSettings? parallelism = null)
    {
        var heldOut = settings.Validation ?? 0;
        if (heldOut >= data.Train.Count)
            throw new UserException($"Of {data.Train.Count} training images, {heldOut} cannot be held out for validation.");

        this.settings = settings;
        try
        {
            manual_seed(settings.Seed);
            model = Create(architecture, ShapeOf(data), settings.Freeze);
            model = MemoryLayout.ChannelsLast(model.to(device));
            this.parallelism = Decide(parallelism ?? new ParallelSettings(), architecture);
            EnsureShares(architecture, data.Train.Count - heldOut, Math.Min(data.Test.Count, settings.Validation ?? long.MaxValue));
            FreezeWhatIsNotTrained();
            optimizer = optim.SGD(model.parameters(), settings.LearningRate, settings.Momentum, weight_decay: settings.WeightDecay);
            trainSet = Part(data.Train, 0, data.Train.Count - heldOut);
            trainLoader = Batches.Of(trainSet, data.Normalization, settings.BatchSize);
            Classes = ClassCounts.Of(trainSet.Labels, data.ClassNames.Count);
            batchLoss = Loss(architecture, ShapeOf(data), device);
            schedule = Schedule();
            validationSet = heldOut > 0 ? OwnPart(data.Train, data.Train.Count - heldOut, heldOut) : null;
            testSet = OwnPart(data.Test, 0, data.Test.Count);
            normalization = data.Normalization;
            epochRandomState = get_rng_state();
        }
        catch
        {
            Dispose();
            throw;
        }

        // What is only looked at is shared out.
        LabeledImages OwnPart(LabeledImages set, long start, long count)
        {
            var shard = this.parallelism.Group.Shard(count);
            return Part(set, start + shard.Start, shard.Count);
        }

        LabeledImages Part(LabeledImages set, long start, long count)
        {
            using var part = set.Slice(start, count);
            return part.To(device);
        }
    }

    /// <summary>Who trains it.</summary>
    public ParallelSettings ParallelSettings => parallelism;

    /// <summary>How it trains.</summary>
    public TrainSettings Settings => settings;

    /// <summary>How the images that it learns from are spread over the classes.</summary>
    public ClassCounts Classes { get; }

    /// <summary>How far the run is.</summary>
    public TrainingProgress State { get; private set; } = TrainingProgress.Start;

    /// <summary>The network that is trained.</summary>
    public Module<Tensor, Tensor> Model => model;

    /// <summary>Steps of an epoch.</summary>
    public long StepsPerEpoch => trainLoader.Count;

    /// <summary>
    /// The losses of this many steps are fetched at once and <see cref="ITrainingCallback.OnStepEnd"/> is called: 1, or more on a GPU,
    /// which has to be waited for each time. The steps themselves do not depend on it.
    /// </summary>
    public int StepsAtOnce { get; set; } = 1;

    /// <summary>How many numbers the network learns, without its auxiliary classifiers.</summary>
    public long Parameters => model.parameters().Sum(parameter => parameter.numel()) - AuxiliaryParameters;

    /// <summary>How many numbers its auxiliary classifiers learn, if it has any; see <see cref="IHasAuxiliaryClassifiers"/>.</summary>
    public long AuxiliaryParameters =>
        model.named_parameters().Where(named => Layers.IsAuxiliary(model, named.name)).Sum(named => named.parameter.numel());

    /// <summary>What the network is after the training: its state dictionary, without auxiliary classifiers.</summary>
    public IReadOnlyDictionary<string, Tensor> Weights => Layers.WithoutAuxiliary(model, model.state_dict());

    /// <summary>The epoch with the best accuracy so far, the first one of several; 0 before the first is over.</summary>
    public int BestEpoch => EpochMetrics.Best(State.History)?.Epoch ?? 0;

    /// <summary>The state of torch's default generator before the current epoch, uint8: its order can be drawn from it again.</summary>
    public Tensor EpochRandomState => epochRandomState;

    /// <summary>Whether the steps draw from torch's default generator too, for dropout, and not only the order of each epoch.</summary>
    public bool Draws => Layers.Has<Dropout>(model);

    /// <summary>
    /// The state of torch's default generator between two steps of an epoch, uint8, where the network <see cref="Draws"/>; otherwise
    /// null. It is the caller's.
    /// </summary>
    public Tensor? StepRandomState => Draws && State.Step > 0 ? stepRandomState?.clone() ?? get_rng_state() : null;

    /// <summary>The optimiser's momentum, by the name of its parameter; empty before the first step.</summary>
    /// <remarks>What SGD has passed over, without a gradient or without momentum, has none; zeros do the same in its next step.</remarks>
    public IReadOnlyDictionary<string, Tensor> Momentum => State is { Epoch: 1, Step: 0 }
        ? new Dictionary<string, Tensor>()
        : Momenta.ToDictionary(named => named.Name, named => named.State.momentum_buffer ?? zeros_like(named.Parameter));

    private IEnumerable<(string Name, Tensor Parameter, SGD.State State)> Momenta =>
        model.named_parameters().Zip(optimizer.state_dict().State, (named, state) => (named.name, (Tensor)named.parameter, (SGD.State)state));

    /// <summary>Goes on from a state between two steps, but for the weights, which are put into <see cref="Model"/>.</summary>
    /// <param name="state">How far the run is.</param>
    /// <param name="momentum">Its <see cref="Momentum"/> then, with all of the parameters, or with none before the first step.</param>
    /// <param name="randomState">Its <see cref="EpochRandomState"/> then.</param>
    /// <param name="stepState">Its <see cref="StepRandomState"/> then.</param>
    public void Restore(TrainingProgress state, IReadOnlyDictionary<string, Tensor> momentum, Tensor randomState, Tensor? stepState = null)
    {
        // In the layout of its parameter, as the optimiser would make it: so each step gives the same bits.
        foreach (var (name, parameter, buffer) in momentum.Count == 0 ? [] : Momenta)
            buffer.momentum_buffer = zeros_like(parameter).detach().copy_(momentum[name]).DetachFromDisposeScope();
        State = state.Step == 0 ? state with { CorrectSum = 0 } : state;
        epochRandomState.Dispose();
        epochRandomState = randomState.clone().DetachFromDisposeScope();
        stepRandomState?.Dispose();
        stepRandomState = stepState?.clone().DetachFromDisposeScope();
        for (var step = (State.Epoch - 1) * trainLoader.Count + State.Step; step > 0; step--)
            schedule?.step();
    }

    /// <summary>What a network takes and gives that is trained on a data set.</summary>
    public static NetworkShape ShapeOf(DataSet data) => new(data.Channels, data.Height, data.Width, data.ClassNames.Count);

    /// <summary>Trains to the last epoch, or until patience ends.</summary>
    /// <param name="observers">Are told of each step and each epoch.</param>
    /// <param name="cancellation">Ends the training after the current step, or the evaluation after its current batch.</param>
    /// <exception cref="UserException">The loss is no longer a finite number.</exception>
    /// <exception cref="OperationCanceledException">It was ended; <see cref="State"/> says where.</exception>
    public void Run(IReadOnlyCollection<ITrainingCallback> observers, CancellationToken cancellation = default)
    {
        // Whatever has used the default generator since, the order of the current epoch is drawn from its own state.
        stepRandomState ??= StepRandomState?.DetachFromDisposeScope();
        set_rng_state(epochRandomState);
        while (State.Epoch <= settings.Epochs && !(State.History.Count - BestEpoch >= settings.Patience))
        {
            var imagesBefore = State.ImageSum;
            var clock = Stopwatch.StartNew();
            TrainEpoch(observers, cancellation);
            var trainSeconds = clock.Elapsed.TotalSeconds;

            clock.Restart();
            Allocator.ReturnFreedMemory();
            var validation = validationSet is null ? null : Evaluate(validationSet, cancellation);
            var test = Evaluate(testSet, cancellation);
            DrawLoaderSeeds();
            Allocator.ReturnFreedMemory();
            var testSeconds = clock.Elapsed.TotalSeconds;

            // To four digits: a checkpoint keeps those of all classes and epochs.
            double?[] classAccuracies = [.. test.ClassAccuracies.Select(accuracy => accuracy is { } percent ? Math.Round(percent, 4) : (double?)null)];

            var metrics = new EpochMetrics(
                State.Epoch,
                State.LossSum / State.ImageSum,
                test.Loss,
                test.Accuracy,
                trainSeconds,
                testSeconds,
                (State.ImageSum - imagesBefore) / trainSeconds,
                validation?.Loss,
                validation?.Accuracy,
                classAccuracies,
                Evaluation.Balanced(test.ClassAccuracies),
                100.0 * State.CorrectSum / State.ImageSum);
            State = TrainingProgress.Start with { Epoch = State.Epoch + 1, History = [.. State.History, metrics] };
            epochRandomState.Dispose();
            epochRandomState = get_rng_state().DetachFromDisposeScope();
            foreach (var observer in observers)
                observer.OnEpochEnd(metrics);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Where the constructor fails, some are null.
        trainLoader?.Dispose();
        trainSet?.Dispose();
        validationSet?.Dispose();
        testSet?.Dispose();
        batchLoss?.Dispose();
        optimizer?.Dispose();
        model?.Dispose();
        epochRandomState?.Dispose();
        stepRandomState?.Dispose();
    }

    private void EnsureShares(Architecture architecture, long images, long testImages)
    {
        ValidateProcesses(architecture, images, testImages);
        if (parallelism.Replicas > 1 && ProblemOfReplicas(architecture) is { } problem)
            throw new UserException(problem).With(Remedy.LeaveOutReplicas);
    }

    // TorchSharp, unlike PyTorch, would go on with a running variance that is not a number.
    private void ValidateProcesses(Architecture architecture, long images, long testImages)
    {
        var processes = parallelism.Group.WorldSize;
        var (batch, last) = (Math.Min(settings.BatchSize, images), (images - 1) % settings.BatchSize + 1);
        if (batch < processes)
            throw new UserException($"A batch of {batch} is too small for {processes} processes.").With(Remedy.ChangeBatchSize);
        if (!settings.Freeze && Layers.Has<BatchNorm2d>(model) && last < 2 * processes)
            throw new UserException($"The last batch of an epoch would be {(last == 1 ? "one image" : $"{last} images")}, and the batch "
                + $"normalisation of {architecture.Name} needs two{(processes == 1 ? "" : " in each process")}.").With(Remedy.ChangeBatchSize);
        if (testImages < processes)
            throw new UserException($"{testImages} images to test on are too few for {processes} processes: use fewer processes.");
    }

    private ParallelSettings Decide(ParallelSettings wish, Architecture architecture) =>
        wish with { Replicas = wish.Replicas ?? (get_num_threads() > 1 && settings.BatchSize > 1 && ProblemOfReplicas(architecture) is null ? 2 : 1) };

    private string? ProblemOfReplicas(Architecture architecture)
    {
        if (!DataParallelStep.Supports(model))
            return $"{architecture.Name} cannot have replicas: they are for networks without batch normalisation and dropout.";
        return model.parameters().First().device_type == TorchSharp.DeviceType.CPU ? null : "Replicas are for the CPU.";
    }

    private IForwardBackward Loss(Architecture architecture, NetworkShape shape, Device device)
    {
        var weights = settings.BalanceClasses ? tensor([.. Classes.Weights.Select(weight => (float)weight)], device: device) : null;
        var loss = new SingleModelStep(model, settings.LabelSmoothing, weights);
        IForwardBackward own = parallelism.Replicas is > 1 and var replicas
            ? new DataParallelStep(loss, () => architecture.CreateForTraining(shape).to(device), replicas)
            : loss;
        return parallelism.Group.WorldSize > 1 ? new DistributedDataParallelStep(parallelism.Group, own, loss) : own;
    }

    // SGD passes over what gets no gradient, and gives it no momentum.
    private void FreezeWhatIsNotTrained()
    {
        var last = Layers.ClassifierName(model);
        foreach (var (name, parameter) in settings.Freeze ? model.named_parameters() : [])
            parameter.requires_grad = Layers.IsInside(last, name);
    }

    private void StartTraining()
    {
        model.train();
        if (settings.Freeze)
            foreach (var normalization in model.modules().OfType<BatchNorm2d>())
                normalization.eval();
    }

    private LRScheduler? Schedule()
    {
        if (settings.LearningRateMilestones is { } milestones)
            return MultiStepLR(optimizer, [.. milestones]);
        if (!settings.OneCycle)
            return null;
        if (settings.Epochs * trainLoader.Count > int.MaxValue)
            throw new UserException($"{settings.Epochs} epochs of {trainLoader.Count} steps are too many for a learning rate of one cycle.");
        return OneCycleLR(
            optimizer, settings.LearningRate, epochs: settings.Epochs, steps_per_epoch: (int)trainLoader.Count, cycle_momentum: false);
    }

    // Auxiliary classifiers are there for the first layers: where those are frozen, none is needed.
    private static Module<Tensor, Tensor> Create(Architecture architecture, NetworkShape shape, bool freeze)
    {
        // Otherwise what it learns could not be read from its file.
        if (Math.Max(shape.Height, shape.Width) > NetworkShape.LargestSide)
            throw new UserException($"Images of {shape.Height}x{shape.Width} pixels are too large: the most is {NetworkShape.LargestSide} a side.");
        try
        {
            return freeze ? architecture.Create(shape) : architecture.CreateForTraining(shape);
        }
        catch (ArgumentException error)
        {
            throw new UserException(error.Message, error);
        }
    }

    private Evaluation Evaluate(LabeledImages images, CancellationToken cancellation) =>
        Evaluation.Run(model, images, normalization, group: parallelism.Group, cancellation: cancellation);

    // One for each evaluation, after both: one that is ended early leaves the generator as it was after the last step.
    private void DrawLoaderSeeds()
    {
        if (validationSet is not null)
            Batches.DrawLoaderSeed();
        Batches.DrawLoaderSeed();
    }

    private void TrainEpoch(IReadOnlyCollection<ITrainingCallback> observers, CancellationToken cancellation)
    {
        // A run that goes on draws the order of its epoch anew and passes over the steps that it has done.
        var (step, stepsDone) = (0, State.Step);
        using var epochScope = NewDisposeScope();
        List<StepDone> unreported = [];
        StartTraining();
        foreach (var (images, labels) in trainLoader)
        {
            if (++step <= stepsDone)
            {
                GoOnDrawing();
                continue;
            }

            if (parallelism.Group.AnyRank(cancellation.IsCancellationRequested))
            {
                Report(unreported, observers);
                throw new OperationCanceledException(cancellation);
            }

            unreported.Add(Step(step, images, labels));
            if (step % StepsBetweenCollections == 0)
                Allocator.FreeScalars();
            if (step % StepsAtOnce == 0)
                Report(unreported, observers);
        }

        Report(unreported, observers);
    }

    private StepDone Step(int number, Tensor images, Tensor labels)
    {
        using var scope = NewDisposeScope();
        var seen = settings.Augment?.Apply(images, settings.Seed, State.Epoch, number) ?? images;
        var learningRate = optimizer.ParamGroups.First().LearningRate;
        optimizer.zero_grad();
        var (loss, correct) = batchLoss.Backward(seen, labels);
        optimizer.step();
        schedule?.step();
        return new StepDone(number, (int)labels.shape[0], learningRate, loss.MoveToOuterDisposeScope(), correct.MoveToOuterDisposeScope());
    }

    // The order of the epoch was drawn again, and dropout then drew in the steps that are passed over.
    private void GoOnDrawing()
    {
        if (stepRandomState is null)
            return;
        set_rng_state(stepRandomState);
        stepRandomState.Dispose();
        stepRandomState = null;
    }

    // What is done counts before anyone is told of it, so that an observer that fails leaves a state to go on from.
    private void Report(List<StepDone> unreported, IReadOnlyCollection<ITrainingCallback> observers)
    {
        List<StepMetrics> steps = [];
        DivergenceException? divergence = null;
        foreach (var (number, images, learningRate, loss, correct) in unreported)
        {
            var metrics = new StepMetrics(State.Epoch, number, (int)trainLoader.Count, loss.item<float>(), images, learningRate);
            var recognised = correct.item<long>();
            loss.Dispose();
            correct.Dispose();
            if (!double.IsFinite(metrics.Loss))
            {
                divergence = new DivergenceException(FormattableString.Invariant(
                    $"The loss became {metrics.Loss} in epoch {State.Epoch}, step {metrics.Step}. Try a learning rate below {settings.LearningRate}."));
                break;
            }

            State = State with
            {
                Step = metrics.Step,
                LossSum = State.LossSum + metrics.Loss * metrics.Images,
                ImageSum = State.ImageSum + metrics.Images,
                CorrectSum = State.CorrectSum + recognised,
            };
            steps.Add(metrics);
        }

        unreported.Clear();
        foreach (var metrics in steps)
            foreach (var observer in observers)
                observer.OnStepEnd(metrics);
        if (divergence is not null)
            throw divergence;
    }

    /// <summary>A step whose numbers may still be on the GPU.</summary>
    /// <param name="Step">Which step of the epoch, from 1.</param>
    /// <param name="Images">How many images it saw.</param>
    /// <param name="LearningRate">Its learning rate.</param>
    /// <param name="Loss">See <see cref="StepMetrics.Loss"/>.</param>
    /// <param name="Correct">How many of the images were recognised, int64.</param>
    private readonly record struct StepDone(int Step, int Images, double LearningRate, Tensor Loss, Tensor Correct);
}
