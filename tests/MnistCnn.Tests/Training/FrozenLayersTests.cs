using MnistCnn.Data;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using MnistCnn.Training;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Training;

/// <summary>Training of the last layer on features that the frozen layers compute once per image.</summary>
[Trait("Speed", "Slow")]
public sealed class FrozenLayersTests : IDisposable
{
    private static readonly TrainSettings Settings = new()
    {
        Architecture = Architecture.Find("plain")!,
        Epochs = 2,
        BatchSize = 8,
        LearningRate = 0.05,
        Freeze = true,
        Validation = 5,
    };

    // Three batches of an epoch, the last one of four images; 20 + 5 + 9 images in all.
    private readonly DataSet data = RandomData.Of(new NetworkShape(1, 16, 16, 3), train: 25, test: 9);

    public void Dispose() => data.Dispose();

    public static TheoryData<string> Names =>
        [.. Architecture.All.Select(architecture => architecture.Name).Where(name => name is not ("resnet101" or "resnet152"))];

    // Dropout draws the same numbers for the same seed.
    [Theory]
    [MemberData(nameof(Names))]
    public void The_last_layer_maps_features_to_the_logits_of_the_network_in_training(string name)
    {
        var settings = Settings with { Architecture = Architecture.Find(name)! };
        using var splits = TrainingSplits.Create(data, 5, CPU, SingleProcess.Instance);
        using var model = TrainableModel.Create(settings, TrainableModel.ShapeOf(data));
        TrainableModel.MoveToDevice(model, CPU, freezeBackbone: true);
        using var frozen = FrozenLayers.Find(model, settings, splits, processes: 1)!;
        using var noGradient = no_grad();
        var features = frozen.ComputeFeatures(splits, batchSize: 8, TestContext.Current.CancellationToken);
        TrainableModel.SetTrainMode(model, freezeBackbone: true);
        foreach (var (images, kept) in
            new[] { (splits.Train, features.Train), (splits.Validation!, features.Validation!), (splits.Test, features.Test) })
        {
            Assert.Equal(images.Labels.data<long>().ToArray(), kept.Labels.data<long>().ToArray());
            manual_seed(3);
            var expected = model.call(splits.Normalization.Apply(images.Images));
            manual_seed(3);
            Assert.True(expected.allclose(frozen.Head.call(kept.Images), rtol: 1e-4, atol: 1e-5), name);
        }
    }

    // The same settings with an augmentation that changes nothing run all layers in every step.
    [Theory]
    [InlineData("plain", 1)]
    [InlineData("residual", 2)]
    [InlineData("resnet18", 1)]
    [InlineData("googlenet", 1)]
    public void Training_on_features_gives_the_losses_and_weights_of_training_with_all_layers(string name, int replicas)
    {
        var settings = Settings with { Architecture = Architecture.Find(name)!, BalanceClasses = true };
        var (features, steps) = (new Recorder(), new Recorder());
        using var onFeatures = Train(settings, features, replicas);
        using var withAllLayers = Train(settings with { Augment = new Augmentation() }, steps, replicas);
        Assert.Equal(6, features.Steps.Count);
        foreach (var (one, other) in features.Steps.Zip(steps.Steps))
            Assert.Equal(other.Loss, one.Loss, 1e-5);
        foreach (var (one, other) in features.Epochs.Zip(steps.Epochs))
        {
            Assert.Equal(other.TestLoss, one.TestLoss, 1e-5);
            Assert.Equal(other.ValidationLoss!.Value, one.ValidationLoss!.Value, 1e-5);
        }

        var weights = withAllLayers.Model.state_dict();
        foreach (var (weight, value) in onFeatures.Model.state_dict())
            Assert.True(value.allclose(weights[weight], rtol: 1e-4, atol: 1e-6), weight);
    }

    // As the learning-rate test does, here in two epochs.
    [Fact]
    public void Steps_with_a_learning_rate_each_use_the_features_too()
    {
        double[] rates = [0.01, 0.02, 0.03, 0.04];
        foreach (var (one, other) in Losses(Settings).Zip(Losses(Settings with { Augment = new Augmentation() })))
            Assert.Equal(other, one, 1e-5);

        double[] Losses(TrainSettings settings)
        {
            using var trainer = Trainer.Create(settings, data, CPU);
            return [.. trainer.TrainSteps(rates, TestContext.Current.CancellationToken).Select(step => step.Loss)];
        }
    }

    [Fact]
    public void The_frozen_layers_see_each_image_once()
    {
        Assert.Equal(34, CountImages(Settings));
        Assert.Equal(2 * 34, CountImages(Settings with { Augment = new Augmentation() }));
    }

    // Dropout inside the frozen layers gives other features in every step.
    [Theory]
    [InlineData(false, 34)]
    [InlineData(true, 2 * 34)]
    public void Dropout_before_the_last_layer_stays_outside_the_frozen_layers(bool isInside, int expected)
    {
        var architecture = Settings.Architecture with
        {
            Make = _ => isInside
                ? nn.Sequential(nn.Flatten(), nn.Linear(256, 4), nn.Dropout(0.5), nn.ReLU(), nn.Linear(4, 3))
                : nn.Sequential(nn.Flatten(), nn.Linear(256, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 3)),
        };
        Assert.Equal(expected, CountImages(Settings with { Architecture = architecture }));
    }

    [Fact]
    public void Several_processes_or_too_many_features_run_the_frozen_layers_in_every_step()
    {
        using var splits = TrainingSplits.Create(data, 5, CPU, SingleProcess.Instance);
        using var model = TrainableModel.Create(Settings, TrainableModel.ShapeOf(data));
        Assert.Null(FrozenLayers.Find(model, Settings, splits, processes: 2));
        Assert.Null(FrozenLayers.Find(model, Settings with { Freeze = false }, splits, processes: 1));

        // 20 features of 4 bytes each.
        using var none = FrozenLayers.Find(model, Settings, With(FrozenLayers.MaxBytes / 80 - 14), processes: 1);
        Assert.NotNull(none);
        Assert.Null(FrozenLayers.Find(model, Settings, With(FrozenLayers.MaxBytes / 80 - 13), processes: 1));

        // One image that counts many times.
        TrainingSplits With(long images) => splits with
        {
            Train = new LabeledImages(splits.Train.Images, splits.Train.Labels.narrow(0, 0, 1).expand(images)),
        };
    }

    [Fact]
    public void A_run_that_was_stopped_before_its_features_were_complete_ends_as_an_uninterrupted_one()
    {
        using var whole = Train(Settings, new Recorder());
        using var stopped = Trainer.Create(Settings, data, CPU);
        Assert.Throws<OperationCanceledException>(() => stopped.Fit([], new CancellationToken(canceled: true)));
        stopped.Fit([], TestContext.Current.CancellationToken);
        foreach (var (name, weight) in whole.Model.state_dict())
            Assert.True(weight.equal(stopped.Model.state_dict()[name]).all().item<bool>(), name);
    }

    private Trainer Train(TrainSettings settings, Recorder recorder, int replicas = 1)
    {
        var trainer = Trainer.Create(settings, data, CPU, new ParallelSettings(replicas));
        trainer.Fit([recorder], TestContext.Current.CancellationToken);
        return trainer;
    }

    private long CountImages(TrainSettings settings)
    {
        var count = 0L;
        using var trainer = Trainer.Create(settings, data, CPU);
        Layers.WithWeights(trainer.Model).First().Layer.register_forward_hook((_, x, y) =>
        {
            count += x.shape[0];
            return y;
        });
        trainer.Fit([], TestContext.Current.CancellationToken);
        return count;
    }
}
