using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace MnistCnn.Web;

/// <summary>
/// The one thread that networks run on, beside the requests: no network is run by two of them at once, and what nobody waits for any
/// more is not computed.
/// </summary>
/// <remarks>libgomp keeps threads for every thread that computes; with one, there is one such team.</remarks>
internal sealed class InferenceQueue : IDisposable
{
    private const int LongestQueue = 64;

    private readonly BlockingCollection<Action> waiting = [];
    private readonly Thread thread;
    private readonly SemaphoreSlim places = new(LongestQueue); // for those that somebody waits for

    public InferenceQueue()
    {
        thread = new Thread(() =>
        {
            foreach (var work in waiting.GetConsumingEnumerable())
                work();
        })
        { IsBackground = true, Name = nameof(InferenceQueue) };
        thread.Start();
    }

    /// <summary>Computes something when its turn comes; tensors that it makes are gone afterwards.</summary>
    /// <param name="work">What to compute, without gradients.</param>
    /// <param name="stop">Takes it out of the queue. What is computed already comes to its own end, but is not waited for.</param>
    /// <param name="isPart">Whether it is a part of something that was let in before, and is not refused.</param>
    /// <exception cref="BusyException">Too much is waiting already.</exception>
    public async Task<T> Run<T>(Func<T> work, CancellationToken stop, bool isPart = false)
    {
        if (!isPart && !places.Wait(0, CancellationToken.None))
            throw new BusyException();
        try
        {
            var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting.Add(() => Compute(work, done, stop), stop);
            return await done.Task.WaitAsync(stop);
        }
        finally
        {
            if (!isPart)
                places.Release();
        }
    }

    /// <summary>Ends the thread once what is computed now is done.</summary>
    public void Dispose()
    {
        waiting.CompleteAdding();
        while (waiting.TryTake(out _))
            continue;
        thread.Join();
        waiting.Dispose();
    }

    private static void Compute<T>(Func<T> work, TaskCompletionSource<T> done, CancellationToken stop)
    {
        try
        {
            stop.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            done.SetResult(work());
        }
        catch (OperationCanceledException)
        {
            done.SetCanceled(stop);
        }
        catch (Exception error)
        {
            done.SetException(error);
        }
    }
}

/// <summary>More is asked for than can be done in a reasonable time or memory.</summary>
internal sealed class BusyException(string message = "Too much is waiting to be computed. Try again in a moment.") : Exception(message);
