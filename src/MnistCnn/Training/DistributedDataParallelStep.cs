using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MnistCnn.Training;

/// <summary>
/// Forward and backward on one shard of the batch per rank. One all-reduce then gives every rank the gradients, loss and correct
/// predictions of the whole batch, and equal running statistics of batch normalization.
/// </summary>
/// <remarks>
/// As in PyTorch's DistributedDataParallel, batch normalization normalizes each shard on its own. PyTorch broadcasts the running statistics
/// of rank 0; here they are the mean over the ranks, weighted by shard size.
/// </remarks>
/// <param name="group">The ranks.</param>
/// <param name="inner">Runs this rank's shard.</param>
/// <param name="model">Holds the model that is trained, and weighs the labels of a whole batch.</param>
internal sealed class DistributedDataParallelStep(IProcessGroup group, IForwardBackward inner, SingleModelStep model) : IForwardBackward
{
    private const int MetricCount = 2; // loss, correct predictions

    private readonly Tensor[] parameters = [.. model.Network.parameters().Where(parameter => parameter.requires_grad)];
    private readonly BatchNorm2d[] normalizations = [.. model.Network.modules().OfType<BatchNorm2d>()];
    private readonly bool hasDropout = Layers.Has<Dropout>(model.Network);
    private Tensor? buffer;

    /// <inheritdoc/>
    public (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? total = null)
    {
        var (start, count) = group.Shard(labels.shape[0]);
        total ??= model.Weight(labels);

        // A rank with an empty shard takes one image of weight 0, to have the same gradients as the others.
        var (ownImages, ownLabels) = (images.narrow(0, start, Math.Max(count, 1)), labels.narrow(0, start, Math.Max(count, 1)));
        var (loss, correct) = WithRankSeed(() => inner.Backward(ownImages, ownLabels, count > 0 ? total : double.PositiveInfinity));
        return AllReduce(loss, count > 0 ? correct : zeros_like(correct), (double)count / labels.shape[0]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        inner.Dispose();
        buffer?.Dispose();
    }

    // Each rank draws its own random numbers for dropout; the default generator stays the same on all ranks.
    private T WithRankSeed<T>(Func<T> step)
    {
        if (!hasDropout)
            return step();
        var seed = randint_long(long.MaxValue) / group.WorldSize * group.WorldSize + group.Rank;
        using var state = get_rng_state();
        manual_seed(seed);
        try
        {
            return step();
        }
        finally
        {
            set_rng_state(state);
        }
    }

    // Parameters without a gradient are the same on every rank and are skipped.
    private (Tensor Loss, Tensor Correct) AllReduce(Tensor loss, Tensor correct, double shardFraction)
    {
        using var noGradient = no_grad();
        var gradients = parameters.Select(parameter => parameter.grad).OfType<Tensor>().ToArray();
        Tensor[] tensors =
        [
            .. gradients,
            .. normalizations.Where(layer => layer.training).SelectMany(layer => new[] { layer.running_mean!, layer.running_var! }),
        ];
        var size = tensors.Sum(tensor => tensor.numel()) + MetricCount;
        if (buffer?.numel() != size)
        {
            buffer?.Dispose();
            buffer = empty(size).DetachFromDisposeScope();
        }

        Tensor[] views = [.. BufferViews(tensors)];
        foreach (var (view, tensor) in views.Zip(tensors))
            view.copy_(tensor);
        using (Scalar weight = shardFraction)
            foreach (var statistics in views[gradients.Length..])
                statistics.mul_(weight);
        var metrics = buffer.narrow(0, size - MetricCount, MetricCount);
        metrics.copy_(tensor([loss.item<float>(), correct.item<long>()]));

        group.AllReduceSum(buffer);

        foreach (var (view, tensor) in views.Zip(tensors))
            tensor.copy_(view);
        return (metrics[0].clone(), metrics[1].to_type(ScalarType.Int64));
    }

    private IEnumerable<Tensor> BufferViews(Tensor[] tensors)
    {
        var start = 0L;
        foreach (var tensor in tensors)
        {
            yield return buffer!.narrow(0, start, tensor.numel()).view(tensor.shape);
            start += tensor.numel();
        }
    }
}
