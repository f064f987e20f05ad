using MnistCnn.Charts;
using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runs;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Experiments;

/// <summary>Environment of a trial: Data, Device, and training with the experiment's settings.</summary>
/// <param name="experimentFolder">Folder for images.</param>
/// <param name="folder">Run folder of the trial's training.</param>
/// <param name="report">Receives the fraction of the training that is done.</param>
internal sealed class TrialContext(
    ExperimentRequest request, string experimentFolder, string folder, Action<double> report, CancellationToken cancellation)
{
    private const int GradientImages = 256;

    private readonly ExperimentSettings settings = request.Settings;

    public DataSet Data { get; } = request.Data;
    public CancellationToken Cancellation => cancellation;
    public Device Device { get; } = request.Device;

    public void DrawImages(ImageGrid images) => request.Observer.OnImages(experimentFolder, images);

    public Trainer CreateTrainer(Architecture architecture, long seed) =>
        Trainer.Create(CreateSettings(architecture, seed), Data, Device);

    /// <summary>Trains the trial's network, or resumes its training. The caller disposes the finished run.</summary>
    /// <inheritdoc cref="TrainingRun.TrainToEnd" path="/exception"/>
    public TrainingRun Train(Architecture architecture, long seed)
    {
        var trainSettings = CreateSettings(architecture, seed);
        var request = new TrainingRequest(trainSettings, Data, Device) { Folder = folder, Parallelism = ParallelSettings.Automatic };
        return TrainingRun.TrainToEnd(request, report, cancellation);
    }

    /// <summary>
    /// Computes the Euclidean norm of the loss gradient in the weights of each layer for the first 256 training images. All seeds have the
    /// same images, so that norms before and after a training can be compared. Clears the gradients of the model.
    /// </summary>
    /// <returns>Layers by name in the order of their registration; null for a layer without a gradient.</returns>
    public IReadOnlyList<(string Layer, double? Norm)> ComputeGradientNorms(Module<Tensor, Tensor> model)
    {
        using var scope = NewDisposeScope();
        model.train(); // the gradient of a training step: batch normalization with the statistics of the images
        var count = Math.Min(GradientImages, Data.Train.Count);
        var images = Data.Normalization.Apply(Data.Train.Images.narrow(0, 0, count)).to(Device);
        model.zero_grad();
        cross_entropy(model.call(images), Data.Train.Labels.narrow(0, 0, count).to(Device)).backward();

        // In float64: the squares of small gradients underflow in float32.
        (string, double?)[] norms =
        [
            .. from layer in Layers.WithWeights(model)
               select (layer.Name, layer.Layer.get_parameter("weight")!.grad?.ToCpuFloat64().norm().item<double>()),
        ];
        model.zero_grad();
        return norms;
    }

    private TrainSettings CreateSettings(Architecture architecture, long seed)
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
        var steps = recipe.Epochs * ((Data.Train.Count + recipe.BatchSize - 1) / recipe.BatchSize);
        int[] milestones = [(int)(steps / 2), (int)(steps * 3 / 4)];
        return recipe with
        {
            Augment = null,
            LearningRateMilestones =
                recipe.LearningRateMilestones is not null && TrainSettings.AreMilestones(milestones) ? milestones : null,
        };
    }
}
