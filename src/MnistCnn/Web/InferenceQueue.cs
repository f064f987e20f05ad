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

    private readonly BlockingCollection<Action> waiting = new(LongestQueue);
    private readonly Thread thread;

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
    /// <param name="stop">Takes it out of the queue.</param>
    /// <exception cref="BusyException">Too much is waiting already.</exception>
    public Task<T> Run<T>(Func<T> work, CancellationToken stop)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!waiting.TryAdd(Compute))
            throw new BusyException();
        return done.Task;

        void Compute()
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

    /// <summary>Ends the thread once what is computed now is done.</summary>
    public void Dispose()
    {
        waiting.CompleteAdding();
        while (waiting.TryTake(out _))
            continue;
        thread.Join();
        waiting.Dispose();
    }
}

/// <summary>More is asked for than can be computed in a reasonable time.</summary>
internal sealed class BusyException() : Exception("Too much is waiting to be computed. Try again in a moment.");
