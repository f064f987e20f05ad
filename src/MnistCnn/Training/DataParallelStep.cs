using MnistCnn.Networks;
using MnistCnn.Runtime;

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
        using var state = get_rng_state();
        var others = Enumerable.Range(1, count - 1).Select(_ => model.In(ShareWeights(model.Network, create()))).ToArray();
        set_rng_state(state);

        var threads = get_num_threads();
        replicas = [.. others.Prepend(model).Select(step => new Replica(step, Math.Max(1, threads / count)))];
        set_num_threads(threads); // new threads start with the number that the last thread set for itself
    }

    /// <summary>Returns false for batch normalization, with one set of statistics, and dropout, with one random generator.</summary>
    public static bool Supports(Module<Tensor, Tensor> model) => !Layers.Has<BatchNorm2d>(model) && !Layers.Has<Dropout>(model);

    public (Tensor Loss, Tensor Correct) Backward(Tensor images, Tensor labels, double? batchWeight = null)
    {
        batchWeight ??= model.Weight(labels);
        var shards = replicas
            .Select((replica, index) => replica.Begin(Shard(images, index), Shard(labels, index), batchWeight.Value))
            .ToArray();
        var results = Task.WhenAll(shards).GetAwaiter().GetResult();
        foreach (var replica in replicas[1..])
            replica.AddGradientsTo(replicas[0]);
        return (tensor((float)results.Sum(result => (double)result.Loss)), tensor(results.Sum(result => result.Correct)));
    }

    public void Dispose()
    {
        foreach (var replica in replicas)
            replica.Dispose();
        foreach (var replica in replicas[1..])
            replica.Model.Dispose();
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
        var (start, count) = IProcessGroup.Shard(batch.shape[0], replicas.Length - 1 - index, replicas.Length);
        return batch.narrow(0, start, count);
    }

    /// <summary>A model and the thread that runs it.</summary>
    private sealed class Replica : IDisposable
    {
        private readonly SingleModelStep step;
        private readonly Parameter[] parameters;
        private readonly BlockingCollection<Task> tasks = [];
        private readonly Thread thread;

        public Replica(SingleModelStep step, int threads)
        {
            this.step = step;
            parameters = [.. Model.parameters().Where(parameter => parameter.requires_grad)];
            thread = new Thread(() => RunTasks(threads)) { IsBackground = true };
            thread.Start();
            Begin(() => true).Wait(); // the thread has set its number of threads
        }

        public Module<Tensor, Tensor> Model => step.Network;

        public Task<(float Loss, long Correct)> Begin(Tensor images, Tensor labels, double batchWeight) =>
            Begin(() => Backward(images, labels, batchWeight));

        public void AddGradientsTo(Replica first)
        {
            using var noGradient = no_grad();
            foreach (var (own, sum) in parameters.Zip(first.parameters))
                if (own.grad is { } gradient)
                {
                    sum.grad!.add_(gradient);
                    gradient.zero_();
                }
        }

        public void Dispose()
        {
            tasks.CompleteAdding();
            thread.Join();
            tasks.Dispose();
        }

        private Task<T> Begin<T>(Func<T> work)
        {
            var task = new Task<T>(work);
            tasks.Add(task);
            return task;
        }

        private void RunTasks(int threads)
        {
            _ = get_num_threads(); // the first call sets the thread's number to the default; only a number set after it stays
            set_num_threads(threads);
            foreach (var task in tasks.GetConsumingEnumerable())
                task.RunSynchronously();
        }

        private (float Loss, long Correct) Backward(Tensor images, Tensor labels, double batchWeight)
        {
            if (labels.shape[0] == 0)
                return (0, 0);
            using var scope = NewDisposeScope();
            var (loss, correct) = step.Backward(images, labels, batchWeight);
            return (loss.item<float>(), correct.item<long>());
        }
    }
}
