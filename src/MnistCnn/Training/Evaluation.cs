using MnistCnn.Data;
using MnistCnn.Runtime;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace MnistCnn.Training;

/// <summary>How well a network knows a set of images.</summary>
/// <param name="Loss">Cross entropy, mean over the images, in nats.</param>
/// <param name="Labels">The class that each image is of.</param>
/// <param name="Predictions">The class that the network found in it.</param>
/// <param name="Confidences">The probability that the network gave that class, from 0 to 1.</param>
/// <param name="Classes">How many classes there are.</param>
/// <param name="Ranks">How many classes the network held likelier than the one that each image is of, or null where that was not asked for.</param>
internal sealed record Evaluation(
    double Loss,
    IReadOnlyList<long> Labels,
    IReadOnlyList<long> Predictions,
    IReadOnlyList<double> Confidences,
    int Classes,
    IReadOnlyList<long>? Ranks = null)
{
    /// <summary>Images that a network is given at a time where it only has to name them: no more are any faster.</summary>
    public const int BatchSize = 250;

    /// <summary>How many images there were.</summary>
    public int Total => Labels.Count;

    /// <summary>How many images were recognised.</summary>
    public int Correct => Labels.Zip(Predictions).Count(pair => pair.First == pair.Second);

    /// <summary>Share of the images that were recognised, in percent.</summary>
    public double Accuracy => 100.0 * Correct / Total;

    /// <summary>Share of the images of each class that were recognised, in percent; null of a class without images.</summary>
    public IReadOnlyList<double?> ClassAccuracies
    {
        get
        {
            var (images, correct) = (new int[Classes], new int[Classes]);
            foreach (var (label, prediction) in Labels.Zip(Predictions))
            {
                images[label]++;
                correct[label] += label == prediction ? 1 : 0;
            }

            return [.. images.Zip(correct, (all, right) => all == 0 ? (double?)null : 100.0 * right / all)];
        }
    }

    /// <summary>How many images of each class (row) were taken for each class (column).</summary>
    public int[,] Confusion
    {
        get
        {
            var counts = new int[Classes, Classes];
            foreach (var (label, prediction) in Labels.Zip(Predictions))
                counts[label, prediction]++;
            return counts;
        }
    }

    /// <summary>The indices of the images that were not recognised, the one that the network was surest of first.</summary>
    public IEnumerable<int> Mistakes => Enumerable.Range(0, Total)
        .Where(index => Labels[index] != Predictions[index])
        .OrderByDescending(index => Confidences[index]);

    /// <summary>Share of the images whose class is among the <paramref name="count"/> that the network held likeliest, in percent.</summary>
    /// <exception cref="InvalidOperationException">There are no <see cref="Ranks"/>.</exception>
    public double TopAccuracy(int count) =>
        100.0 * (Ranks ?? throw new InvalidOperationException("The ranks were not asked for.")).Count(rank => rank < count) / Total;

    /// <summary>The mean of the <see cref="ClassAccuracies"/> that there are: each class counts the same, however many images it has.</summary>
    public static double Balanced(IReadOnlyList<double?> classAccuracies) => classAccuracies.Average() ?? throw new ArgumentException("There is no image.");

    /// <summary>Runs a network over a set of images, without gradients.</summary>
    /// <param name="model">Images (B, C, H, W) to logits (B, classes), on the device where the images are.</param>
    /// <param name="set">The images.</param>
    /// <param name="normalization">How the network is given them.</param>
    /// <param name="batchSize">How many of them at a time.</param>
    /// <param name="rank">Whether <see cref="Ranks"/> are wanted.</param>
    /// <param name="group">Ranks that each have one shard of the images, in the order of the images; null for a single process.</param>
    /// <param name="cancellation">Ends the evaluation before its next batch, on all ranks if it is cancelled on one.</param>
    /// <exception cref="DivergenceException">The loss is not a finite number.</exception>
    /// <exception cref="OperationCanceledException">The evaluation was ended.</exception>
    public static Evaluation Run(
        Module<Tensor, Tensor> model,
        LabeledImages set,
        Normalization normalization,
        int batchSize = BatchSize,
        bool rank = false,
        IProcessGroup? group = null,
        CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        group ??= SingleProcess.Instance;
        var scores = group.AllGather(Logits(model, set, normalization, batchSize, group, cancellation)).ToCpuFloat64();
        var classes = group.AllGather(set.Labels.cpu());
        var (confidences, predictions) = softmax(scores, dim: 1).max(dim: 1);
        var loss = cross_entropy(scores, classes).item<double>();
        if (!double.IsFinite(loss))
            throw new DivergenceException($"The loss became {loss} in the test: what the network gives is too large. Train it with a lower learning rate.");
        return new Evaluation(
            loss,
            classes.data<long>().ToArray(),
            predictions.data<long>().ToArray(),
            confidences.data<double>().ToArray(),
            (int)scores.shape[1],
            rank ? RanksOf(scores, classes) : null);
    }

    // (N, classes), float32, on the CPU: fetched at once, so that a GPU is waited for but once. Each batch's go where there is room for them
    // already: a tensor that outlived its batch would lie between what the next one needs in one piece, and that would be taken anew. The
    // images lie there in their order, so that no loader has to gather them.
    private static Tensor Logits(
        Module<Tensor, Tensor> model,
        LabeledImages set,
        Normalization normalization,
        int batchSize,
        IProcessGroup group,
        CancellationToken cancellation)
    {
        Tensor? all = null;
        var largestShard = group.AllReduceMax((int)set.Count); // every rank makes the same calls
        model.eval();
        for (var start = 0L; start < largestShard; start += batchSize)
        {
            if (group.AnyRank(cancellation.IsCancellationRequested))
                throw new OperationCanceledException(cancellation);
            if (start >= set.Count)
                break;
            using var scope = NewDisposeScope();
            var count = Math.Min(batchSize, set.Count - start);
            var logits = model.call(normalization.Apply(set.Images.narrow(0, start, count)));
            all ??= logits.new_empty(set.Count, logits.shape[1]).MoveToOuterDisposeScope();
            all.narrow(0, start, count).copy_(logits);
        }

        return all!.cpu();
    }

    // Of two classes that are as likely, the first one is the network's choice, as in the maximum.
    private static long[] RanksOf(Tensor scores, Tensor classes)
    {
        var labels = classes.unsqueeze(1);
        var own = scores.gather(1, labels);
        using Scalar count = scores.shape[1]; // by name, as in Normalization
        var isBefore = (scores == own).logical_and(arange(count).unsqueeze(0) < labels);
        return (scores > own).logical_or(isBefore).sum(1).data<long>().ToArray();
    }
}
