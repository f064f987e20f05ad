using MnistCnn.Data;
using MnistCnn.Runtime;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Training;

/// <summary>Runs networks in evaluation mode, without gradients.</summary>
internal static class Evaluator
{
    /// <summary>Default number of images per batch; more are not faster.</summary>
    public const int BatchSize = 250;

    /// <param name="model">Maps images (B, C, H, W) to logits (B, classes), on the device of the images.</param>
    /// <param name="withRanks">Computes <see cref="Evaluation.TrueClassRanks"/> too.</param>
    /// <param name="group">Ranks that each have one shard of the images, in the order of the images; null for a single process.</param>
    /// <param name="cancellation">Ends the evaluation before its next batch, on all ranks if it is cancelled on one.</param>
    /// <exception cref="DivergenceException">The loss is not a finite number.</exception>
    public static Evaluation Evaluate(
        Module<Tensor, Tensor> model, LabeledImages images, Normalization normalization, int batchSize = BatchSize, bool withRanks = false,
        IProcessGroup? group = null, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        group ??= SingleProcess.Instance;
        var logits = group.AllGather(Logits(model, images, normalization, batchSize, group, cancellation)).ToCpuFloat64();
        var labels = group.AllGather(images.Labels.cpu());
        var (confidences, predictions) = softmax(logits, dim: 1).max(dim: 1);
        var loss = cross_entropy(logits, labels).item<double>();
        if (!double.IsFinite(loss))
            throw new DivergenceException($"The loss became {loss} in the evaluation. Train with a lower learning rate.");
        return new Evaluation(
            loss,
            labels.data<long>().ToArray(),
            predictions.data<long>().ToArray(),
            confidences.data<double>().ToArray(),
            (int)logits.shape[1],
            withRanks ? TrueClassRanks(logits, labels) : null);
    }

    /// <summary>Returns the probability of each class for one image, the most probable class first.</summary>
    /// <param name="image">Pixels, 0 is background: (C, H, W), uint8.</param>
    /// <exception cref="UserException">The logits are not finite.</exception>
    public static IReadOnlyList<Prediction> Predict(Module<Tensor, Tensor> model, Normalization normalization, Tensor image, Device device)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var logits = model.call(normalization.Apply(image.unsqueeze(0).to(device)));
        if (!logits.isfinite().all().item<bool>())
            throw NonFiniteLogits();
        return [.. softmax(logits.ToCpuFloat64(), dim: 1).data<double>().ToArray()
            .Select((probability, number) => new Prediction(number, probability))
            .OrderByDescending(prediction => prediction.Probability)];
    }

    public static UserException NonFiniteLogits() =>
        new("The logits of the network are not finite: its weights are too large. Train it with a lower learning rate.");

    // Returns (N, classes), float32, on the CPU. All batches write into one tensor, which is copied from a GPU once. Small tensors that
    // outlive their batch would fragment the heap.
    private static Tensor Logits(
        Module<Tensor, Tensor> model, LabeledImages images, Normalization normalization, int batchSize, IProcessGroup group,
        CancellationToken cancellation)
    {
        Tensor? all = null;
        var largestShard = group.AllReduceMax((int)images.Count); // every rank makes the same calls
        model.eval();
        for (var start = 0L; start < largestShard; start += batchSize)
        {
            if (group.AnyRank(cancellation.IsCancellationRequested))
                throw new OperationCanceledException(cancellation);
            if (start >= images.Count)
                break;
            using var scope = NewDisposeScope();
            var count = Math.Min(batchSize, images.Count - start);
            var logits = model.call(normalization.Apply(images.Images.narrow(0, start, count)));
            all ??= logits.new_empty(images.Count, logits.shape[1]).MoveToOuterDisposeScope();
            all.narrow(0, start, count).copy_(logits);
        }

        return all!.cpu();
    }

    // Of equally probable classes, the first one ranks higher, as in the maximum that gives the prediction.
    private static long[] TrueClassRanks(Tensor logits, Tensor labels)
    {
        var trueClasses = labels.unsqueeze(1);
        var trueLogits = logits.gather(1, trueClasses);
        var isEarlierTie = (logits == trueLogits).logical_and(arange(logits.shape[1]).unsqueeze(0) < trueClasses);
        return (logits > trueLogits).logical_or(isEarlierTie).sum(1).data<long>().ToArray();
    }
}

/// <param name="Class">Index of the class, from 0.</param>
/// <param name="Probability">From 0 to 1.</param>
internal sealed record Prediction(int Class, double Probability);
