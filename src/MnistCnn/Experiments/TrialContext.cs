using MnistCnn.Charts;
using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Experiments;

/// <summary>What one trial works with: data, a device, and one way to train a network, as a run in a folder of the trial's own.</summary>
/// <param name="settings">How large the experiment is.</param>
/// <param name="data">What to train and test on.</param>
/// <param name="device">Where.</param>
/// <param name="folder">The trial's folder.</param>
/// <param name="progress">Is told which share of the training is done, from 0 to 1.</param>
/// <param name="cancellation">Ends the trial.</param>
internal sealed class TrialContext(
    ExperimentSettings settings, DataSet data, Device device, string folder, Action<double> progress, CancellationToken cancellation)
{
    private readonly List<ImageGrid> images = [];

    /// <summary>What to train and test on.</summary>
    public DataSet Data => data;

    /// <summary>Where networks run.</summary>
    public Device Device => device;

    /// <summary>What the trial wants to be drawn.</summary>
    public IReadOnlyList<ImageGrid> Images => images;

    /// <summary>Adds to <see cref="Images"/>.</summary>
    public void AddImage(ImageGrid image) => images.Add(image);

    /// <summary>Makes a new network and what would train it, with the experiment's recipe.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="seed">The seed of its weights and of the order of its images.</param>
    public Trainer CreateTrainer(Architecture architecture, long seed) => Trainer.Create(SettingsOf(architecture, seed), data, device);

    /// <summary>Trains the trial's network, or goes on where its training was stopped.</summary>
    /// <param name="architecture">The network.</param>
    /// <param name="seed">The seed of its weights and of the order of its images.</param>
    /// <returns>The run, at its end.</returns>
    /// <exception cref="OperationCanceledException">The experiment was ended.</exception>
    public TrainingRun Train(Architecture architecture, long seed)
    {
        var run = TrainingRun.StartOrResume(SettingsOf(architecture, seed), data, device, folder);
        try
        {
            return run.Train([new ProgressCallback(settings.Epochs, progress)], cancellation) ? run : throw new OperationCanceledException(cancellation);
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    private TrainSettings SettingsOf(Architecture architecture, long seed)
    {
        var recipe = Recipe.All.First(recipe => recipe.Name == settings.Recipe).Settings;
        recipe = recipe with
        {
            Architecture = architecture,
            Epochs = settings.Epochs,
            BatchSize = settings.BatchSize ?? recipe.BatchSize,
            TrainLimit = settings.TrainLimit,
            TestLimit = settings.TestLimit,
            LearningRate = settings.LearningRate ?? recipe.LearningRate,
            Seed = seed,
        };
        return settings.Shortened ? Shorten(recipe) : recipe;
    }

    private TrainSettings Shorten(TrainSettings recipe)
    {
        var steps = recipe.Epochs * ((data.Train.Count + recipe.BatchSize - 1) / recipe.BatchSize);
        int[] milestones = [(int)(steps / 2), (int)(steps * 3 / 4)];
        return recipe with
        {
            Augment = null,
            LearningRateMilestones = recipe.LearningRateMilestones is not null && TrainSettings.AreMilestones(milestones) ? milestones : null,
        };
    }
}
