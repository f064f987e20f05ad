namespace MnistCnn.Runtime;

internal static class FileErrors
{
    /// <summary>Does something that may fail without harm.</summary>
    /// <returns>False if a file could not be read or written.</returns>
    public static bool Try(Action work)
    {
        try
        {
            work();
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
