using System.Threading.RateLimiting;

namespace MnistCnn.Web;

/// <summary>Limits on what all requests together may use.</summary>
internal static class Limits
{
    /// <summary>Largest body of a request, in bytes.</summary>
    public const long LargestBody = 8 << 20;

    public const string WatcherPolicy = "watchers";
    public const int MostWatchers = 64;

    private const long LargeImage = 1 << 22;
    private const int MostBytes = 128 << 20;

    // A small file may hold an image of a hundred megapixels, which takes 400 MB decoded.
    private static readonly ConcurrencyLimiter LargeDecodes = Create(1, queueLimit: int.MaxValue);
    private static readonly ConcurrencyLimiter SmallDecodes = Create(Environment.ProcessorCount, queueLimit: int.MaxValue);
    private static readonly ConcurrencyLimiter Memory = Create(MostBytes);

    // Concurrent evaluations would evict each other's models from the cache.
    private static readonly ConcurrencyLimiter Evaluations = Create(1, queueLimit: int.MaxValue);

    public static ConcurrencyLimiter Create(int permits, int queueLimit = 0) =>
        new(new() { PermitLimit = permits, QueueLimit = queueLimit });

    public static async Task<IDisposable> WaitForDecode(int height, int width, CancellationToken stop) =>
        await ((long)height * width > LargeImage ? LargeDecodes : SmallDecodes).AcquireAsync(1, stop);

    public static async Task<IDisposable> WaitForEvaluation(CancellationToken stop) => await Evaluations.AcquireAsync(1, stop);

    /// <summary>Counts the bytes of a request and its response until they are sent, so slow clients cannot use up the memory.</summary>
    /// <exception cref="BusyException">All requests together would hold more than 128 MB.</exception>
    public static IDisposable HoldMemory(int bytes)
    {
        var lease = Memory.AttemptAcquire(bytes);
        return lease.IsAcquired ? lease : throw new BusyException("Too much is being read and sent. Try again in a moment.");
    }
}
