using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Reporting;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Experiments;

/// <summary>What every experiment works with: data, a device, a folder, and one way to train a network.</summary>
/// <param name="settings">How large the experiment is.</param>
/// <param name="data">What to train and test on.</param>
/// <param name="device">Where.</param>
/// <param name="folder">Where the results go, as a full path.</param>
/// <param name="progress">Is told how far it is.</param>
/// <param name="cancellation">Ends the experiment.</param>
public sealed class Laboratory(
    ExperimentSettings settings, MnistData data, Device device, string folder, WorkReport progress, CancellationToken cancellation)
{
    private double workBefore;
    private double work;

    /// <summary>How large the experiment is.</summary>
    public ExperimentSettings Settings => settings;

    /// <summary>What to train and test on.</summary>
    public MnistData Data => data;

    /// <summary>Where networks run.</summary>
    public Device Device => device;

    /// <summary>The file with all that was measured.</summary>
    public string CsvPath => PathOf("measurements.csv");

    /// <summary>The picture of it.</summary>
    public string PlotPath => PathOf("plot.png");

    /// <summary>A file of the results.</summary>
    public string PathOf(string name) => Path.Combine(folder, name);

    /// <summary>Does one part after the other.</summary>
    /// <param name="parts">Each with its name and its share of the work, in any unit.</param>
    /// <exception cref="OperationCanceledException">The experiment was ended.</exception>
    public void Work(IReadOnlyList<(string Name, double Work, Action Measure)> parts)
    {
        var total = parts.Sum(part => part.Work);
        foreach (var part in parts)
        {
            cancellation.ThrowIfCancellationRequested();
            work = part.Work / total;
            progress.Begin(part.Name, parts.Count);
            part.Measure();
            workBefore += work;
            progress.End(workBefore);
        }
    }

    /// <summary>Says how much of the part in hand is done, and ends it where that is asked for.</summary>
    /// <param name="share">From 0 to 1.</param>
    /// <exception cref="OperationCanceledException">The experiment was ended.</exception>
    public void Progress(double share)
    {
        cancellation.ThrowIfCancellationRequested();
        progress.At(workBefore + share * work);
    }

    /// <summary>Makes a network and what trains it, with the experiment's recipe.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="seed">The seed of its weights and of the order of its images.</param>
    public Trainer Trainer(Architecture architecture, long seed)
    {
        var training = Recipe.Find(settings.Recipe)!.Settings;
        var trainer = new Trainer(
            architecture,
            training with
            {
                Architecture = architecture.Name,
                Epochs = settings.Epochs,
                LearningRate = settings.LearningRate ?? training.LearningRate,
                Seed = seed,
            },
            data,
            device);
        if (device.type != TorchSharp.DeviceType.CPU)
            trainer.StepsAtOnce = 100;
        return trainer;
    }

    /// <summary>Trains a network.</summary>
    /// <param name="trainer">What trains it.</param>
    /// <param name="onEpoch">Is given what each epoch measured.</param>
    /// <exception cref="OperationCanceledException">The experiment was ended.</exception>
    public void Train(Trainer trainer, Action<EpochMetrics> onEpoch) =>
        trainer.Run([new Observer(this, onEpoch)], cancellation);

    private sealed class Observer(Laboratory laboratory, Action<EpochMetrics> onEpoch) : ITrainingObserver
    {
        public void OnStep(StepMetrics step) =>
            laboratory.Progress((step.Epoch - 1 + (double)step.Step / step.Steps) / laboratory.Settings.Epochs);

        public void OnEpoch(EpochMetrics epoch) => onEpoch(epoch);
    }
}
