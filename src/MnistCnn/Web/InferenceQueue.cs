using System.Threading.RateLimiting;

namespace MnistCnn.Web;

/// <summary>Runs all models on one thread, in the order of the requests. Canceled work leaves the queue without being computed.</summary>
/// <remarks>libgomp keeps a team of threads for every thread that computes; with a single thread there is a single team.</remarks>
internal sealed class InferenceQueue : IDisposable
{
    private const int MostWaiting = 64;

    private readonly BlockingCollection<Task> tasks = [];
    private readonly ConcurrencyLimiter limiter = Limits.Create(MostWaiting);
    private readonly Thread thread;

    public InferenceQueue()
    {
        thread = new Thread(RunTasks) { IsBackground = true, Name = nameof(InferenceQueue) };
        thread.Start();
    }

    /// <summary>Runs work on the inference thread, without gradients, and disposes the tensors that it creates.</summary>
    /// <param name="stop">Cancels waiting work. Running work is finished, but not awaited.</param>
    /// <param name="bypassLimit">Whether the work belongs to a request that was admitted before.</param>
    /// <exception cref="BusyException">The queue is full.</exception>
    public async Task<T> Run<T>(Func<T> work, CancellationToken stop, bool bypassLimit = false)
    {
        using var lease = bypassLimit ? null : limiter.AttemptAcquire();
        if (lease is { IsAcquired: false })
            throw new BusyException("Too much is waiting to be computed. Try again in a moment.");
        var task = new Task<T>(
            () =>
            {
                stop.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                using var noGradient = no_grad();
                return work();
            },
            TaskCreationOptions.RunContinuationsAsynchronously);
        tasks.Add(task, stop);
        return await task.WaitAsync(stop);
    }

    /// <summary>Discards waiting work and waits for the work that is running.</summary>
    public void Dispose()
    {
        tasks.CompleteAdding();
        while (tasks.TryTake(out _))
            continue;
        thread.Join();
        tasks.Dispose();
        limiter.Dispose();
    }

    private void RunTasks()
    {
        foreach (var task in tasks.GetConsumingEnumerable())
            task.RunSynchronously(TaskScheduler.Default);
    }
}
