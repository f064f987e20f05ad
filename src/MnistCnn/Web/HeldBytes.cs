namespace MnistCnn.Web;

/// <summary>
/// What one request keeps in memory, from the picture that it brings to the answer that is sent; of all together there is a limit, so
/// that however many come and however slowly they read, memory stays within bounds.
/// </summary>
internal sealed class HeldBytes : IDisposable
{
    private const long Most = 128 << 20;

    private static long all;

    private long own;

    /// <summary>Adds some; they are counted until it is disposed.</summary>
    /// <exception cref="BusyException">All requests together would keep too much.</exception>
    public void Add(long bytes)
    {
        own += bytes;
        if (Interlocked.Add(ref all, bytes) > Most)
            throw new BusyException("Too much is being read and sent. Try again in a moment.");
    }

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Add(ref all, -Interlocked.Exchange(ref own, 0));
}
