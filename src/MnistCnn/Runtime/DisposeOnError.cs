namespace MnistCnn.Runtime;

/// <summary>Disposes an object at the end of the scope if an error leaves it before <see cref="Complete"/>.</summary>
internal sealed class DisposeOnError(IDisposable unfinished) : IDisposable
{
    private bool isComplete;

    /// <summary>Returns the finished result, whose owner disposes the object from now on.</summary>
    public T Complete<T>(T result)
    {
        isComplete = true;
        return result;
    }

    public void Dispose()
    {
        if (!isComplete)
            unfinished.Dispose();
    }
}
