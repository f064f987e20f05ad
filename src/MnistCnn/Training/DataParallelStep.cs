using System.Runtime.ExceptionServices;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Training;

/// <summary>
/// The loss of a batch of which each of several replicas of a network, with the same weights, takes a share in a thread of its own. Their
/// gradients are added up in the order of the replicas, so that as many replicas always give the same bits.
/// </summary>
/// <remarks>
/// Two threads with half of the images each wait for each other once in a step; two threads that share every operation, once in each
/// of them.
/// </remarks>
internal sealed class DataParallelStep : IForwardBackward
{
    private readonly SingleModelStep loss;
    private readonly Replica[] replicas;

    /// <param name="loss">The loss in the network that is trained, which is the first replica.</param>
    /// <param name="create">Makes another network of its kind; its weights do not matter.</param>
    /// <param name="count">How many replicas, 2 or more.</param>
    public DataParallelStep(SingleModelStep loss, Func<Module<Tensor, Tensor>> create, int count)
    {
        this.loss = loss;
        var threads = get_num_threads();
        using var state = get_rng_state();
        replicas = [.. Enumerable.Range(0, count).Select(index => new Replica(
            index == 0 ? loss : loss.In(WithWeightsOf(loss.Network, create())), isFirst: index == 0, Math.Max(1, threads / count)))];
        set_rng_state(state);
        foreach (var replica in replicas)
            replica.Start();
        set_num_threads(threads); // what threads set for themselves, new ones would start with
    }

    /// <summary>Whether a network can have replicas: batch normalisation keeps one set of statistics, and dropout draws from one generator.</summary>
    public static bool IsPossible(Module<Tensor, Tensor> network) => !Layers.Has<BatchNorm2d>(network) && !Layers.Has<Dropout>(network);

    /// <inheritdoc/>
    public (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? total = null)
    {
        total ??= loss.Weight(labels);
        foreach (var (index, replica) in replicas.Index())
            replica.Begin(Share(images, index), Share(labels, index), total.Value);
        foreach (var replica in replicas)
            replica.Wait();
        foreach (var replica in replicas)
            replica.ThrowIfFailed();

        var (sum, correct) = (0.0, 0L);
        foreach (var replica in replicas)
        {
            sum += replica.Loss;
            correct += replica.Correct;
            replica.AddTo(replicas[0]);
        }

        return (tensor((float)sum), tensor(correct));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var replica in replicas)
            replica.Dispose();
        loss.Dispose();
    }

    private static Module<Tensor, Tensor> WithWeightsOf(Module<Tensor, Tensor> network, Module<Tensor, Tensor> replica)
    {
        using var noGradient = no_grad();
        foreach (var (own, shared) in replica.parameters().Zip(network.parameters()))
        {
            own.set_(shared);
            own.requires_grad = shared.requires_grad;
        }

        replica.train();
        return replica;
    }

    private Tensor Share(Tensor batch, int index)
    {
        // Of fewer images than replicas, the last share has one: the first replica's, to whose gradients the others' are added.
        var (start, count) = ProcessGroup.ShareOf(batch.shape[0], replicas.Length - 1 - index, replicas.Length);
        return batch.narrow(0, start, count);
    }

    /// <summary>One of them, and its thread.</summary>
    private sealed class Replica(SingleModelStep loss, bool isFirst, int threads) : IDisposable
    {
        private readonly SemaphoreSlim begin = new(0);
        private readonly SemaphoreSlim end = new(0);
        private readonly Parameter[] parameters = [.. loss.Network.parameters().Where(parameter => parameter.requires_grad)];
        private (Tensor Images, Tensor Labels, double Total)? work;
        private ExceptionDispatchInfo? failure;
        private Thread? thread;

        public float Loss { get; private set; }

        public long Correct { get; private set; }

        public void Start()
        {
            thread = new Thread(Run) { IsBackground = true };
            thread.Start();
            end.Wait();
        }

        public void Begin(Tensor images, Tensor labels, double total)
        {
            work = (images, labels, total);
            begin.Release();
        }

        public void Wait() => end.Wait();

        public void ThrowIfFailed() => failure?.Throw();

        public void AddTo(Replica first)
        {
            if (isFirst)
                return;
            using var noGradient = no_grad();
            foreach (var (own, sum) in parameters.Zip(first.parameters))
                if (own.grad is { } gradient)
                    sum.grad!.add_(gradient);
        }

        public void Dispose()
        {
            work = null;
            begin.Release();
            thread?.Join();
            begin.Dispose();
            end.Dispose();
            if (!isFirst)
                loss.Network.Dispose();
        }

        private void Run()
        {
            _ = get_num_threads(); // a thread takes over the number of all others when it is first asked for it
            set_num_threads(threads);
            end.Release();
            while (true)
            {
                begin.Wait();
                if (work is not { } next)
                    return;
                try
                {
                    Step(next.Images, next.Labels, next.Total);
                }
                catch (Exception error)
                {
                    failure = ExceptionDispatchInfo.Capture(error);
                }

                end.Release();
            }
        }

        private void Step(Tensor images, Tensor labels, double total)
        {
            using var scope = NewDisposeScope();
            (Loss, Correct) = (0, 0);
            foreach (var parameter in isFirst ? [] : parameters)
                parameter.grad?.zero_();
            if (labels.shape[0] == 0)
                return;
            var (share, correct) = loss.Backward(images, labels, total);
            (Loss, Correct) = (share.item<float>(), correct.item<long>());
        }
    }
}
