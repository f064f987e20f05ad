using MnistCnn.Web;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Web;

public sealed class InferenceQueueTests
{
    private const int Longest = 64;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_thing_is_computed_at_a_time_in_the_order_in_which_it_was_asked_for()
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
    public async Task Tensors_are_gone_afterwards_and_gradients_are_not_kept()
    {
        using var queue = new InferenceQueue();
        await queue.Run(() => 0, Stop);
        var before = Tensor.TotalCount;
        Assert.False(await queue.Run(() => (ones(3, requires_grad: true) * 2).requires_grad, Stop));
        await Assert.ThrowsAsync<InvalidDataException>(() => queue.Run<int>(() => throw new InvalidDataException($"{zeros(5)}"), Stop));
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public async Task What_is_too_much_is_refused_and_what_follows_it_is_not()
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

    // Whoever waits is told at once, and others are let in instead, while one thing is computed all the time.
    [Fact]
    public async Task What_was_given_up_leaves_the_queue_at_once_and_is_not_computed()
    {
        using var queue = new InferenceQueue();
        using var release = new Gate();
        var computed = 0;
        var first = queue.Run(Wait, Stop);
        for (var round = 0; round < 3; round++)
        {
            using var stop = new CancellationTokenSource();
            var given = Enumerable.Range(0, Longest - 1).Select(_ => queue.Run(() => Interlocked.Increment(ref computed), stop.Token)).ToArray();
            await Assert.ThrowsAsync<BusyException>(() => queue.Run(() => 0, Stop));
            await stop.CancelAsync();
            foreach (var one in given)
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one.WaitAsync(TimeSpan.FromSeconds(20), Stop));
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
    public async Task Its_end_waits_for_what_is_computed_and_for_nothing_else()
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

    // The first is being computed before the others come.
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

    /// <summary>Is opened at the end of a test too, so that one that fails comes to its end.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly ManualResetEventSlim open = new();

        public void Set() => open.Set();

        public void Wait(CancellationToken stop) => open.Wait(stop);

        public void Dispose() => open.Set();
    }
}
