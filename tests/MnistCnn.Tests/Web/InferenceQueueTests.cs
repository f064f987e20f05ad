using MnistCnn.Web;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Web;

public sealed class InferenceQueueTests
{
    private const int Longest = 64;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Work_runs_on_one_thread_in_the_order_of_the_requests()
    {
        using var queue = new InferenceQueue();
        var (atOnce, most, threads, order) = (0, 0, new HashSet<int>(), new List<int>());
        await Task.WhenAll(Enumerable.Range(0, 50).Select(number => queue.Run(
            () =>
            {
                most = Math.Max(most, Interlocked.Increment(ref atOnce));
                threads.Add(Environment.CurrentManagedThreadId);
                order.Add(number);
                Thread.Yield();
                return Interlocked.Decrement(ref atOnce);
            },
            Stop)));
        Assert.Equal((1, 1), (most, threads.Count));
        Assert.Equal(Enumerable.Range(0, 50), order);
    }

    [Fact]
    public async Task Work_runs_without_gradients_and_its_tensors_are_disposed()
    {
        using var queue = new InferenceQueue();
        await queue.Run(() => 0, Stop);
        var before = Tensor.TotalCount;
        Assert.False(await queue.Run(() => (ones(3, requires_grad: true) * 2).requires_grad, Stop));
        await Assert.ThrowsAsync<InvalidDataException>(() => queue.Run<int>(() => throw new InvalidDataException($"{zeros(5)}"), Stop));
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public async Task A_full_queue_refuses_work_until_others_are_done()
    {
        using var queue = new InferenceQueue();
        using var release = new Gate();
        var waiting = Fill(queue, release, Stop);
        await Assert.ThrowsAsync<BusyException>(() => queue.Run(() => 0, Stop));
        var part = queue.Run(() => 7, Stop, bypassLimit: true);
        release.Set();
        await Task.WhenAll(waiting);
        Assert.Equal(7, await part);
        Assert.Equal(8, await queue.Run(() => 8, Stop));
    }

    // One task runs all the time.
    [Fact]
    public async Task Canceled_work_leaves_the_queue_at_once_and_is_not_computed()
    {
        using var queue = new InferenceQueue();
        using var release = new Gate();
        var computed = 0;
        var first = queue.Run(Wait, Stop);
        for (var round = 0; round < 3; round++)
        {
            using var stop = new CancellationTokenSource();
            var waiting = Enumerable.Range(0, Longest - 1)
                .Select(_ => queue.Run(() => Interlocked.Increment(ref computed), stop.Token)).ToArray();
            await Assert.ThrowsAsync<BusyException>(() => queue.Run(() => 0, Stop));
            await stop.CancelAsync();
            foreach (var task in waiting)
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task.WaitAsync(TimeSpan.FromSeconds(20), Stop));
        }

        var last = queue.Run(() => 9, Stop);
        Assert.False(first.IsCompleted);
        release.Set();
        Assert.Equal(9, await last);
        Assert.Equal(0, computed);

        int Wait()
        {
            release.Wait(Stop);
            return 0;
        }
    }

    [Fact]
    public async Task Disposing_waits_only_for_the_work_that_is_running()
    {
        var queue = new InferenceQueue();
        using var release = new Gate();
        var waiting = Fill(queue, release, Stop);
        var end = Task.Run(queue.Dispose, Stop);
        await Task.Delay(50, Stop);
        Assert.False(end.IsCompleted);
        release.Set();
        await end;
        await waiting[0];
        Assert.All(waiting[1..], one => Assert.False(one.IsCompleted));
    }

    // The first task runs before the others are queued.
    private static Task<int>[] Fill(InferenceQueue queue, Gate release, CancellationToken stop)
    {
        using var started = new ManualResetEventSlim();
        var first = queue.Run(
            () =>
            {
                started.Set();
                release.Wait(stop);
                return 0;
            },
            stop);
        started.Wait(stop);
        return [first, .. Enumerable.Range(1, Longest - 1).Select(number => queue.Run(() => number, stop))];
    }

    /// <summary>Opens at the end of a test too, so that a test that fails ends.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly ManualResetEventSlim open = new();

        public void Set() => open.Set();

        public void Wait(CancellationToken stop) => open.Wait(stop);

        public void Dispose() => open.Set();
    }
}
