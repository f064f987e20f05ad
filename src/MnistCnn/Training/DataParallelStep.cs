using System.Runtime.ExceptionServices;
using MnistCnn.Networks;
using MnistCnn.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MnistCnn.Training;

/// <summary>
/// Forward and backward on one shard of the batch per replica of the model, each replica on its own thread. Gradients are summed in the
/// order of the replicas, so the same number of replicas gives the same bits.
/// </summary>
/// <remarks>Replicas synchronize once per step; torch's intra-op threads synchronize in every operation.</remarks>
internal sealed class DataParallelStep : IForwardBackward
{
    private readonly SingleModelStep model;
    private readonly Replica[] replicas;

    /// <param name="model">Step of the model that is trained, which is the first replica.</param>
    /// <param name="create">Creates another model of the same architecture; its weights are replaced.</param>
    /// <param name="count">Number of replicas, 2 or more.</param>
    public DataParallelStep(SingleModelStep model, Func<Module<Tensor, Tensor>> create, int count)
    {
        this.model = model;
        var threads = get_num_threads();
        using var state = get_rng_state();
        replicas = [.. Enumerable.Range(0, count).Select(index => new Replica(
            index == 0 ? model : model.In(ShareWeights(model.Network, create())), isFirst: index == 0, Math.Max(1, threads / count)))];
        set_rng_state(state);
        foreach (var replica in replicas)
            replica.Start();
        set_num_threads(threads); // new threads start with the number that the last thread set for itself
    }

    /// <summary>Returns false for batch normalization, with one set of statistics, and dropout, with one random generator.</summary>
    public static bool Supports(Module<Tensor, Tensor> model) => !Layers.Has<BatchNorm2d>(model) && !Layers.Has<Dropout>(model);

    /// <inheritdoc/>
    public (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? total = null)
    {
        total ??= model.Weight(labels);
        foreach (var (index, replica) in replicas.Index())
            replica.Begin(Shard(images, index), Shard(labels, index), total.Value);
        foreach (var replica in replicas)
            replica.Wait();
        foreach (var replica in replicas)
            replica.ThrowIfFailed();

        var (loss, correct) = (0.0, 0L);
        foreach (var replica in replicas)
        {
            loss += replica.Loss;
            correct += replica.Correct;
            replica.AddGradientsTo(replicas[0]);
        }

        return (tensor((float)loss), tensor(correct));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var replica in replicas)
            replica.Dispose();
        model.Dispose();
    }

    private static Module<Tensor, Tensor> ShareWeights(Module<Tensor, Tensor> model, Module<Tensor, Tensor> replica)
    {
        using var noGradient = no_grad();
        foreach (var (own, shared) in replica.parameters().Zip(model.parameters()))
        {
            own.set_(shared);
            own.requires_grad = shared.requires_grad;
        }

        replica.train();
        return replica;
    }

    private Tensor Shard(Tensor batch, int index)
    {
        // If there are fewer images than replicas, the last shard has one: the first replica gets it, because it holds the gradient sums.
        var (start, count) = Sharding.Shard(batch.shape[0], replicas.Length - 1 - index, replicas.Length);
        return batch.narrow(0, start, count);
    }

    private sealed class Replica(SingleModelStep model, bool isFirst, int threads) : IDisposable
    {
        private readonly SemaphoreSlim begin = new(0);
        private readonly SemaphoreSlim end = new(0);
        private readonly Parameter[] parameters = [.. model.Network.parameters().Where(parameter => parameter.requires_grad)];
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

        public void AddGradientsTo(Replica first)
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
                model.Network.Dispose();
        }

        private void Run()
        {
            _ = get_num_threads(); // the first call sets the thread's number to the default; only a number set after it stays
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
            var (loss, correct) = model.Backward(images, labels, total);
            (Loss, Correct) = (loss.item<float>(), correct.item<long>());
        }
    }
}
