using MnistCnn.Networks;
using MnistCnn.Runtime;

namespace MnistCnn.Training;

/// <summary>
/// Forward and backward on one shard of the batch per rank. One all-reduce then gives every rank the gradients, loss and correct
/// predictions of the whole batch, and equal running statistics of batch normalization.
/// </summary>
/// <remarks>
/// As in PyTorch's DistributedDataParallel, batch normalization normalizes each shard on its own. PyTorch broadcasts the running statistics
/// of rank 0; here they are the mean over the ranks, weighted by shard size.
/// </remarks>
/// <param name="inner">Runs this rank's shard.</param>
/// <param name="model">Holds the model that is trained, and weighs the labels of a whole batch.</param>
internal sealed class DistributedDataParallelStep(IProcessGroup group, IForwardBackward inner, SingleModelStep model) : IForwardBackward
{
    private const int MetricCount = 2; // loss, correct predictions

    private readonly Tensor[] parameters = [.. model.Network.parameters().Where(parameter => parameter.requires_grad)];
    private readonly BatchNorm2d[] normalizations = [.. model.Network.modules().OfType<BatchNorm2d>()];
    private readonly bool hasDropout = Layers.Has<Dropout>(model.Network);
    private Tensor? buffer;

    public (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? batchWeight = null)
    {
        var (start, count) = group.Shard(labels.shape[0]);
        batchWeight ??= model.Weight(labels);

        // A rank with an empty shard takes one image of weight 0, to have the same gradients as the others.
        var (ownImages, ownLabels) = (images.narrow(0, start, Math.Max(count, 1)), labels.narrow(0, start, Math.Max(count, 1)));
        using var sharedRngState = hasDropout ? SwitchToRankSeed() : null;
        var (loss, correct) = inner.Backward(ownImages, ownLabels, count > 0 ? batchWeight : double.PositiveInfinity);
        if (sharedRngState is not null)
            set_rng_state(sharedRngState);
        return AllReduce(loss, count > 0 ? correct : zeros_like(correct), (double)count / labels.shape[0]);
    }

    public void Dispose()
    {
        inner.Dispose();
        buffer?.Dispose();
    }

    // Each rank draws its own random numbers for dropout; the default generator stays the same on all ranks.
    private Tensor SwitchToRankSeed()
    {
        var seed = randint_long(long.MaxValue) / group.WorldSize * group.WorldSize + group.Rank;
        var sharedRngState = get_rng_state();
        manual_seed(seed);
        return sharedRngState;
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
        long[] sizes = [.. tensors.Select(tensor => tensor.numel()), MetricCount];
        if (buffer?.numel() != sizes.Sum())
        {
            buffer?.Dispose();
            buffer = empty(sizes.Sum()).DetachFromDisposeScope();
        }

        var sections = buffer.split(sizes);
        var (views, metrics) = (sections.Zip(tensors, (section, tensor) => section.view(tensor.shape)).ToArray(), sections[^1]);
        foreach (var (view, tensor) in views.Zip(tensors))
            view.copy_(tensor);
        using (Scalar weight = shardFraction)
            foreach (var statistics in views[gradients.Length..])
                statistics.mul_(weight);
        metrics.copy_(tensor([loss.item<float>(), correct.item<long>()]));

        group.AllReduceSum(buffer);

        foreach (var (view, tensor) in views.Zip(tensors))
            tensor.copy_(view);
        return (metrics[0].clone(), metrics[1].to_type(ScalarType.Int64));
    }
}
