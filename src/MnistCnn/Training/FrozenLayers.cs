using MnistCnn.Data;
using MnistCnn.Networks;

namespace MnistCnn.Training;

/// <summary>Frozen layers of a network, run once per image: their output, the features, is the last layer's input in every epoch.</summary>
internal sealed class FrozenLayers : IDisposable
{
    /// <summary>Largest size of all features in bytes; with larger ones, the frozen layers run in every step.</summary>
    public const long MaxBytes = 1L << 30;

    private readonly Module<Tensor, Tensor> model;
    private readonly Dropout? dropout;
    private readonly Linear classifier;
    private TrainingSplits? features;

    private FrozenLayers(Module<Tensor, Tensor> model, Dropout? dropout, Linear classifier)
    {
        (this.model, this.dropout, this.classifier) = (model, dropout, classifier);
        Head = dropout is null ? classifier : Sequential(dropout, classifier);
    }

    /// <summary>Maps features (N, F) to logits (N, classes): the last layer, and the dropout before it. Belongs to the model.</summary>
    public Module<Tensor, Tensor> Head { get; }

    /// <summary>
    /// Returns null if the features of an image are not the same in every step, or too large: without frozen layers, with augmentation,
    /// with dropout inside the frozen layers; and for several processes, each of which would compute all features.
    /// </summary>
    public static FrozenLayers? Find(Module<Tensor, Tensor> model, TrainSettings settings, TrainingSplits splits, int processes)
    {
        if (!settings.Freeze || settings.Augment is not null || processes > 1 || Layers.FindHead(model) is not var (dropout, classifier))
            return null;
        var images = splits.Train.Count + splits.Test.Count + (splits.Validation?.Count ?? 0);
        return images * classifier.weight.shape[1] * sizeof(float) <= MaxBytes ? new FrozenLayers(model, dropout, classifier) : null;
    }

    /// <summary>Creates a layer like the last one, without the same weights.</summary>
    public Module<Tensor, Tensor> CreateReplica() => Linear(classifier.weight.shape[1], classifier.weight.shape[0]);

    /// <summary>
    /// Computes the features of all images at the first call, and sets the model to evaluation mode. The batches are the same in a resumed
    /// run, because rounding may depend on them.
    /// </summary>
    public TrainingSplits ComputeFeatures(TrainingSplits splits, int batchSize, CancellationToken cancellation)
    {
        if (features is not null)
            return features;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        model.eval();
        var computed = splits with
        {
            Train = Compute(splits.Train),
            Validation = splits.Validation is { } validation ? Compute(validation) : null,
            Test = Compute(splits.Test),
            Normalization = Normalization.None,
        };
        foreach (var images in new[] { computed.Train, computed.Validation, computed.Test }.OfType<LabeledImages>())
            scope.Detach(images.Images, images.Labels);
        return features = computed;

        LabeledImages Compute(LabeledImages images)
        {
            var all = empty([images.Count, classifier.weight.shape[1]], device: images.Images.device);
            for (var start = 0L; start < images.Count; start += batchSize)
            {
                cancellation.ThrowIfCancellationRequested();
                using var batchScope = NewDisposeScope();
                var count = Math.Min(batchSize, images.Count - start);
                var hook = (dropout ?? (Module<Tensor, Tensor>)classifier).register_forward_pre_hook((_, x) =>
                {
                    all.narrow(0, start, count).copy_(x);
                    return x;
                });
                model.call(splits.Normalization.Apply(images.Images.narrow(0, start, count)));
                hook.remove();
            }

            return new LabeledImages(all, images.Labels.alias());
        }
    }

    /// <summary>Discards the features, which belong to the weights that the layers had.</summary>
    public void Dispose()
    {
        features?.Dispose();
        features = null;
    }
}
