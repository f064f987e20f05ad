using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MnistCnn.Training;

/// <summary>
/// The loss of a batch of which each process of a group takes a share: afterwards all of them have the gradient, the loss and the running
/// statistics of batch normalisation that their shares come to together.
/// </summary>
/// <remarks>
/// As in PyTorch's DistributedDataParallel, batch normalisation normalises each share by itself. Unlike there, its running statistics are
/// the mean over the processes, each by its share, after every step. What travels is one flat buffer: gradients, statistics, loss,
/// recognised images, and whether a process was asked to stop.
/// </remarks>
/// <param name="group">The processes.</param>
/// <param name="inner">Finds the gradient of this one's share.</param>
/// <param name="loss">The loss in the network that is trained.</param>
internal sealed class DistributedDataParallelStep(ProcessGroup group, IForwardBackward inner, SingleModelStep loss) : IForwardBackward
{
    private const int Numbers = 3; // loss, recognised, stop

    private readonly Tensor[] parameters = [.. loss.Network.parameters().Where(parameter => parameter.requires_grad)];
    private readonly BatchNorm2d[] normalizations = [.. loss.Network.modules().OfType<BatchNorm2d>()];
    private readonly bool draws = Layers.Has<Dropout>(loss.Network);
    private Tensor? flat;

    /// <inheritdoc/>
    public (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? total = null)
    {
        var (start, count) = group.Share(labels.shape[0]);
        total ??= loss.Weight(labels);

        // A process whose share is empty takes one image that counts nothing, so that it has the same gradients to add up.
        var (ownImages, ownLabels) = (images.narrow(0, start, Math.Max(count, 1)), labels.narrow(0, start, Math.Max(count, 1)));
        var (ownLoss, correct) = Draw(() => inner.Backward(ownImages, ownLabels, count > 0 ? total : double.PositiveInfinity));
        return Add(ownLoss, count > 0 ? correct : zeros_like(correct), (double)count / labels.shape[0]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        inner.Dispose();
        flat?.Dispose();
    }

    // Their sum over the processes. What has no gradient here has none anywhere.
    private (Tensor Loss, Tensor Correct) Add(Tensor ownLoss, Tensor correct, double share)
    {
        using var noGradient = no_grad();
        var gradients = parameters.Select(parameter => parameter.grad).OfType<Tensor>().ToArray();
        Tensor[] tensors =
        [
            .. gradients,
            .. normalizations.Where(layer => layer.training).SelectMany(layer => new[] { layer.running_mean!, layer.running_var! }),
        ];
        var size = tensors.Sum(tensor => tensor.numel()) + Numbers;
        if (flat?.numel() != size)
        {
            flat?.Dispose();
            flat = empty(size).DetachFromDisposeScope();
        }

        Tensor[] places = [.. Places(tensors)];
        foreach (var (place, tensor) in places.Zip(tensors))
            place.copy_(tensor);
        using (Scalar part = share)
            foreach (var place in places[gradients.Length..])
                place.mul_(part);
        var numbers = flat.narrow(0, size - Numbers, Numbers);
        numbers.copy_(tensor([ownLoss.item<float>(), correct.item<long>(), group.ShutdownSignals.IsCancellationRequested ? 1f : 0f]));

        group.Sum(flat);

        foreach (var (place, tensor) in places.Zip(tensors))
            tensor.copy_(place);
        if (numbers[2].item<float>() > 0)
            group.Stop();
        return (numbers[0].clone(), numbers[1].to_type(ScalarType.Int64));
    }

    private IEnumerable<Tensor> Places(Tensor[] tensors)
    {
        var start = 0L;
        foreach (var tensor in tensors)
        {
            yield return flat!.narrow(0, start, tensor.numel()).view(tensor.shape);
            start += tensor.numel();
        }
    }

    // Each process has random numbers of its own for dropout, and the default generator stays the same in all of them.
    private T Draw<T>(Func<T> step)
    {
        if (!draws)
            return step();
        var seed = randint_long(long.MaxValue) / group.Count * group.Count + group.Rank;
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
}
