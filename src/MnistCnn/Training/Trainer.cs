using System.Diagnostics;
using MnistCnn.Data;
using MnistCnn.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Training;

/// <summary>
/// Trains one network from fresh weights: SGD with momentum on the cross entropy, a test after each epoch.
/// With the same seed it is the article's program in PyTorch, step for step.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainSettings settings;
    private readonly Module<Tensor, Tensor> model;
    private readonly SGD optimizer;
    private readonly DataLoader<long, Batch> trainLoader;
    private readonly DataLoader<long, Batch> testLoader;

    /// <param name="architecture">The network to train.</param>
    /// <param name="settings">How to train it.</param>
    /// <param name="data">What to train and test it on; it must live as long as the trainer.</param>
    /// <param name="device">Where to train it.</param>
    public Trainer(Architecture architecture, TrainSettings settings, MnistData data, Device device)
    {
        this.settings = settings;
        manual_seed(settings.Seed);
        model = architecture.Create().to(device);
        optimizer = optim.SGD(model.parameters(), settings.LearningRate, settings.Momentum);
        trainLoader = BatchLoader.Create(data.Train, settings.BatchSize, shuffle: true, device);
        testLoader = BatchLoader.Create(data.Test, settings.BatchSize, shuffle: false, device);
    }

    /// <summary>How many numbers the network learns.</summary>
    public long Parameters => model.parameters().Sum(parameter => parameter.numel());

    /// <summary>Trains to the last epoch.</summary>
    /// <param name="observers">Are told of each step and each epoch.</param>
    /// <param name="cancellation">Ends the training after the step in hand.</param>
    /// <exception cref="ArithmeticException">The loss is no longer a finite number.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public void Run(IReadOnlyCollection<ITrainingObserver> observers, CancellationToken cancellation = default)
    {
        for (var epoch = 1; epoch <= settings.Epochs; epoch++)
        {
            var clock = Stopwatch.StartNew();
            var (trainLoss, images) = TrainEpoch(epoch, observers, cancellation);
            var trainSeconds = clock.Elapsed.TotalSeconds;

            clock.Restart();
            var test = Evaluation.Run(model, testLoader);
            var testSeconds = clock.Elapsed.TotalSeconds;

            var metrics = new EpochMetrics(
                epoch, trainLoss, test.Loss, test.Accuracy, trainSeconds, testSeconds, images / trainSeconds);
            foreach (var observer in observers)
                observer.OnEpoch(metrics);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        trainLoader.Dispose();
        testLoader.Dispose();
        optimizer.Dispose();
        model.Dispose();
    }

    private (double Loss, long Images) TrainEpoch(
        int epoch, IReadOnlyCollection<ITrainingObserver> observers, CancellationToken cancellation)
    {
        var (lossSum, imageSum, step) = (0.0, 0L, 0);
        model.train();
        foreach (var (images, labels) in trainLoader)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var loss = cross_entropy(model.call(images), labels);
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();

            var metrics = new StepMetrics(epoch, ++step, (int)trainLoader.Count, loss.item<float>(), (int)labels.shape[0]);
            if (!double.IsFinite(metrics.Loss))
                throw new ArithmeticException(
                    $"The loss became {metrics.Loss} in epoch {epoch}, step {step}. Try a learning rate below {settings.LearningRate}.");
            lossSum += metrics.Loss * metrics.Images;
            imageSum += metrics.Images;
            foreach (var observer in observers)
                observer.OnStep(metrics);
        }

        return (lossSum / imageSum, imageSum);
    }
}
